import type { Account } from '../../src/accounts/account.ts'
import { anybody } from '../../src/chat/caller.ts'
import type { ChatEvent } from '../../src/chat/event.ts'
import type { ChatRequest } from '../../src/chat/request.ts'
import { noThread } from '../../src/chat/thread.ts'
import { Attempts } from '../../src/flow/attempts.ts'
import { newReceipt } from '../../src/flow/call.ts'
import type { Cancel } from '../../src/flow/cancel.ts'
import type { Chat } from '../../src/flow/chat.ts'
import { events } from '../../src/flow/flow.ts'
import { openLoneGateway } from '../../src/gateway/gateway.double.ts'
import { type Deadlines, deadline } from '../../src/gateway/layers/deadline.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { machine, newCancel } from '../../src/wire/machine.double.ts'

/** The result of a chat: its events, and the error that it threw, if any. */
export interface Outcome {
  readonly events: readonly ChatEvent[]
  readonly thrown: unknown
}

/** Opens a log at its lowest level, which writes its lines into a list. */
export function recordLog(lines: string[] = []) {
  return openLog({ runtime: machine, level: 'trace', format: 'json', write: (line) => void lines.push(line) })
}

const never = newCancel()
const quiet = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })

/** Makes a call as the API does. */
export function newCall(signal: Cancel = never, log = quiet) {
  return { id: 'law', caller: anybody, hops: 0, signal, log, attempts: new Attempts(), receipt: newReceipt() }
}

/** Reads a chat to its end. */
export function outcomeOf(chat: Chat, request: ChatRequest, call = newCall()): Promise<Outcome> {
  return outcomeIn(events(chat(request, call)))
}

/** Reads events to their end. */
export async function outcomeIn(source: AsyncIterable<ChatEvent>): Promise<Outcome> {
  const events: ChatEvent[] = []
  try {
    for await (const event of source) events.push(event)
    return { events, thrown: undefined }
  } catch (thrown) {
    return { events, thrown }
  }
}

/** Longer than any test. On a busy machine a reply that is sent byte by byte takes minutes. */
const patientMs = 600_000
const patient: Deadlines = { firstEventMs: patientMs, wholeMs: patientMs, idleMs: patientMs }

/** Makes a chat of the upstream alone, with its first account. It has deadlines, because only they end a silent answer. */
export function bare(upstream: Upstream, idleMs = patientMs): Chat {
  const [account] = upstream.accounts
  if (!account) throw new Error('a subject needs an account')
  return deadline({ firstEventMs: idleMs, wholeMs: idleMs, idleMs })((request, call) =>
    upstream.chat(request, { ...call, account: account satisfies Account, thread: noThread }),
  )
}

/** Makes a chat of the upstream behind every layer of the gateway. */
export function layered(upstream: Upstream, log = quiet): Chat {
  const gateway = openLoneGateway({
    runtime: machine,
    upstreams: [upstream],
    deadlines: patient,
    store: new MemoryStore({ runtime: machine }),
    threadTtlMs: 60_000,
    maxCalls: 1_000,
    log,
  })
  return (request, call) => gateway.chat({ ...request, model: `${upstream.name}/${request.model}` }, call)
}

/** The two chats that are tested with each upstream: the provider alone, and the provider within the gateway. */
export function forms(upstream: Upstream): readonly (readonly [string, Chat])[] {
  return [
    ['the provider alone', bare(upstream)],
    ['behind every layer', layered(upstream)],
  ]
}
