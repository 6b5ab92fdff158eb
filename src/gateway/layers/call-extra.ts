import { asChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { fingerprint } from '../../chat/fingerprint.ts'
import type { AssistantMessage } from '../../chat/message.ts'
import { callsOf, type Message, type ToolCallPart } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Call } from '../../flow/call.ts'
import type { Layer } from '../../flow/chat.ts'
import { defer } from '../../flow/defer.ts'
import { endAfter } from '../../flow/end-after.ts'
import type { Flow } from '../../flow/flow.ts'
import { Fold } from '../../flow/fold.ts'
import { watch } from '../../flow/watch.ts'
import type { Store } from '../../state/store.ts'
import { addExtra, type KeptExtra, keptExtraOf, parseExtra } from './kept-extra.ts'

export interface CallExtraOptions {
  readonly store: Store
  readonly upstream: string
  readonly support: Support
  /** Milliseconds for which the fields are kept. */
  readonly ttlMs: number
}

/**
 * Keeps what an upstream wants back with the tool calls of an answer, such as signatures and encrypted reasoning, and puts it back when
 * a client sends the calls without it, because its dialect has no place for it or it drops unknown fields. It is found by the client,
 * the upstream, the model and the calls, so that no other conversation gets it (docs/decisions/0062-call-extra.md).
 */
export function callExtra(options: CallExtraOptions): Layer {
  const memory = new ExtraMemory(options)
  return (next) => (request, call) => {
    // without tools there are no calls, and a client of the same dialect brings everything back itself
    if (!request.parameters.tools || isComplete(request, options)) return next(request, call)
    const ask = (asked: ChatRequest): Flow => memory.keep(next(asked, call), request, call)
    // messages are decoded when they are read
    if (!memory.mayBeUsed(call) || (memory.isUsed && !request.messages.some(isBare))) return ask(request)
    return defer(async () => ask(await memory.restore(request, call)), call.signal)
  }
}

function isComplete(request: ChatRequest, { support }: CallExtraOptions): boolean {
  const { native } = request
  return native?.isComplete === true && native.dialect === (support.instead?.(request) ?? support).extraOf
}

/** Whether an answer has calls, but nothing that an upstream has said of them. */
function isBare(message: Message): message is AssistantMessage {
  if (message.role !== 'assistant') return false
  const [first] = callsOf(message)
  return (
    first !== undefined && !first.extra && !message.content.some(({ type, extra }) => type === 'reasoning' && extra)
  )
}

/** Whether an event is of a call, of reasoning, or of the whole answer. Texts are not kept. */
function isOfTurn(event: ChatEvent): boolean {
  const { type } = event
  if (type === 'finish' || type === 'part-end') return event.extra !== undefined
  return type === 'tool-call' || type === 'tool-arguments' || type === 'reasoning'
}

/** Limit for the answers of one request that are looked up, the newest ones. */
const maxAnswers = 1_000
/** Limit for the characters that are read of an answer's reasoning, and of its calls. */
const maxCharacters = 1024 * 1024
/** Milliseconds after which the store is asked again whether another process has kept anything. */
const checkMs = 60_000

class ExtraMemory {
  readonly #options: CallExtraOptions
  #isUsed = false
  #checkedAt = Number.NEGATIVE_INFINITY
  #checking: Promise<unknown> | undefined

  constructor(options: CallExtraOptions) {
    this.#options = options
  }

  /** Whether the upstream is known to have said anything of a call. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  /** Whether anything may be kept. Most upstreams say nothing of their calls, and then no call is looked up. */
  mayBeUsed({ signal: { runtime } }: Call): boolean {
    return this.#isUsed || this.#checking !== undefined || runtime.elapsed() - this.#checkedAt > checkMs
  }

  /** Keeps what the upstream says of the calls of an answer. The answer ends only when that is stored, as the next turn needs it. */
  keep(flow: Flow, request: ChatRequest, call: Call): Flow {
    // most answers are texts only
    let answer: Fold | undefined
    let kept: Promise<void> | undefined
    const watched = watch(flow, {
      onBatch(batch) {
        for (const event of batch) {
          if (event.choice !== 0 || !isOfTurn(event)) continue
          answer ??= new Fold({ maxCharacters })
          answer.add(event)
        }
      },
      onEnd: ({ kind }) => {
        if (kind === 'done' && answer && !answer.isCut) kept = this.#store(answer.message(), request, call)
      },
    })
    return endAfter(watched, () => kept)
  }

  /** Puts back what is known of the calls of a request. */
  async restore(request: ChatRequest, call: Call): Promise<ChatRequest> {
    try {
      if (!this.#isUsed) {
        this.#checking ??= this.#check(call)
        await this.#checking
      }
      if (!this.#isUsed) return request
      const bare = request.messages.filter(isBare).slice(-maxAnswers)
      const found = new Map<Message, AssistantMessage>()
      const find = async (message: AssistantMessage) => {
        const extra = await this.#find(callsOf(message), request, call)
        if (extra) found.set(message, addExtra(message, extra))
      }
      await Promise.all(bare.map(find))
      if (found.size === 0) return request
      return { ...request, messages: request.messages.map((message) => found.get(message) ?? message) }
    } catch (thrown) {
      call.log.warn({ err: asChatError(thrown) }, 'what an upstream said of its calls could not be looked up')
      return request
    }
  }

  /** Asks the store whether this or another process has kept anything. */
  async #check({ signal: { runtime } }: Call): Promise<void> {
    this.#checkedAt = runtime.elapsed()
    try {
      this.#isUsed = (await this.#options.store.get(this.#usedKey)) !== undefined
    } finally {
      this.#checking = undefined
    }
  }

  async #find(calls: readonly ToolCallPart[], request: ChatRequest, call: Call): Promise<KeptExtra | undefined> {
    const stored = await this.#options.store.get(this.#keyOf(calls, request, call))
    return stored && parseExtra(stored.value)
  }

  #store(message: AssistantMessage, request: ChatRequest, call: Call): Promise<void> | undefined {
    const extra = keptExtraOf(message)
    const { store, ttlMs } = this.#options
    const calls = callsOf(message)
    if (calls.length === 0 || (!extra && !this.#isUsed)) return undefined
    const key = this.#keyOf(calls, request, call)
    // some services repeat their ids: what an earlier answer had does not belong to this one
    const writes = [extra ? store.put(key, extra, { ttlMs }) : store.delete(key)]
    if (!this.#isUsed) writes.push(store.put(this.#usedKey, 'yes'))
    this.#isUsed = true
    return Promise.all(writes).then(
      () => undefined,
      (thrown: unknown) =>
        call.log.warn({ err: asChatError(thrown) }, 'what an upstream said of its calls could not be stored'),
    )
  }

  /** The names and arguments count too, because the ids of some services repeat. */
  #keyOf(calls: readonly ToolCallPart[], { model }: ChatRequest, { caller }: Call): string {
    const scope = [caller.id, this.#options.upstream, model, ...calls.map(({ id }) => id)]
    return `call-extra/${fingerprint(scope, [{ role: 'assistant', content: calls }])}`
  }

  get #usedKey(): string {
    return `call-extra-of/${this.#options.upstream}`
  }
}
