import { openReply } from '../../src/clients/open-reply.ts'
import { completionReader } from '../../src/clients/openai-chat/read-reply.ts'
import { type Batch, batches, flowOf } from '../../src/flow/flow.ts'
import type { HttpReply } from '../../src/wire/http-reply.ts'
import { never } from './in-memory.ts'
import type { Fixture } from './subject.ts'

/** Decodes a reply as the upstreams of OpenAI's dialect do. */
export function decodeOpenai(reply: HttpReply, { choices, stream }: Fixture): AsyncIterable<Batch> {
  return batches(
    flowOf((signal) => openReply(completionReader, reply, { choices, stream, signal, newId: () => 'call_law' }), never),
  )
}
