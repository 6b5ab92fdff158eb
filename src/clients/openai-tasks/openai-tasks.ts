import type { Fields } from '../../chat/message.ts'
import type { EmbeddingEvent, EmbeddingRequest, RelayEvent, RelayRequest, Task } from '../../chat/task.ts'
import { readComplaint } from '../../dialects/openai-chat/complaint.ts'
import { decodeEmbeddingsReply } from '../../dialects/openai-embeddings/decode-reply.ts'
import type { Call } from '../../flow/call.ts'
import type { Flow } from '../../flow/flow.ts'
import { askEmbeddings, InputLimit } from './ask-embeddings.ts'
import { relayTask, type TaskTranslation } from './relay-task.ts'
import { UnservedTasks } from './unserved-tasks.ts'

/** A service with OpenAI's routes beside chats, or some of them. */
export interface TaskService<Credential> {
  /** The address of a task. */
  urlOf(task: Task): string
  headersOf(credential: Credential): Readonly<Record<string, string>>
  /** Whether it serves a task with this model, if that is known. Otherwise it is learned. */
  serves?(task: Task, model: string): boolean
  /** How relayed tasks differ from OpenAI's. */
  readonly translations?: Readonly<Partial<Record<Task, TaskTranslation>>>
  /** Limit for the inputs of one request for embeddings, as far as it is known. */
  readonly maxInputs?: number
  encodeEmbeddings(request: EmbeddingRequest): Fields
  /** Members that are added to the body of a relayed request. */
  added?(request: RelayRequest): Fields | undefined
  /** Whether the model's tokens are those of OpenAI. */
  takesTokens(model: string): boolean
  readonly decodeEmbeddings?: (reply: unknown, count: number) => readonly EmbeddingEvent[]
  readonly readComplaint?: typeof readComplaint
}

/** A limit that keeps the text of 4,096 numbers for each input below what is read of a reply. */
const usualMaxInputs = 128

interface CallWith<Credential> extends Call {
  readonly account: { readonly credential: Credential }
}

/** Serves the tasks of an upstream with OpenAI's routes. */
export function openaiTasks<Credential>(service: TaskService<Credential>) {
  const unserved = new UnservedTasks()
  const limit = new InputLimit(service.maxInputs ?? usualMaxInputs)
  const shared = { unserved, readComplaint: service.readComplaint ?? readComplaint }
  const target = (task: Task, { account }: CallWith<Credential>) => ({
    ...shared,
    url: service.urlOf(task),
    headers: service.headersOf(account.credential),
  })
  return {
    serves: (task: Task, model: string): boolean =>
      (service.serves?.(task, model) ?? true) && !unserved.has({ task, model }),
    get maxInputs(): number {
      return limit.most
    },
    embed: (request: EmbeddingRequest, call: CallWith<Credential>): Flow<EmbeddingEvent> =>
      askEmbeddings(
        {
          ...target('embedding', call),
          limit,
          encode: (asked) => service.encodeEmbeddings(asked),
          decode: service.decodeEmbeddings ?? decodeEmbeddingsReply,
          takesTokens: (model) => service.takesTokens(model),
        },
        request,
        call,
      ),
    relay: (request: RelayRequest, call: CallWith<Credential>): Flow<RelayEvent> =>
      relayTask(
        {
          ...target(request.task, call),
          translation: service.translations?.[request.task],
          added: service.added?.(request),
        },
        request,
        call,
      ),
  }
}

/** Whether a model's name is one of OpenAI's models for embeddings, which gateways list as `openai/…`. */
export function readsOpenaiTokens(model: string): boolean {
  return /(^|\/)text-embedding-(3-|ada-)/.test(model)
}
