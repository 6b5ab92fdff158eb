import type { SentPrompt } from '../../chat/prompt.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { CacheHome, CachePlace, Call } from '../../flow/call.ts'
import type { ObserverLayer } from '../../flow/chat.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import { CachedConversation } from '../prompt-caches/conversation.ts'
import { type AskedPrompt, type FoundPrompt, KnownPrompts } from '../prompt-caches/known-prompts.ts'
import { printPrompt } from '../prompt-caches/print-prompt.ts'

/**
 * Finds the conversation of a request, so that it stays with the upstream and the account that have its prompt in a cache, and notes in
 * the receipt where the prompt is not what it was. It changes nothing (docs/decisions/0075-conversations-stay.md).
 */
export function promptCache(runtime: Runtime): ObserverLayer<ChatRequest> {
  const prompts = new KnownPrompts(() => new CachedConversation(runtime.newId(), () => runtime.elapsed()))
  return (next) => (request, call) => {
    const use = new PromptUse(request, call, prompts)
    return watch(next(request, { ...call, cacheHome: use }), use)
  }
}

/** The prompt of one call. A prompt of one item has nothing that could have changed, so it is looked up only if someone asks for it. */
class PromptUse implements Watcher<unknown>, CacheHome {
  readonly #request: ChatRequest
  readonly #call: Call
  readonly #prompts: KnownPrompts
  readonly #prompt: SentPrompt
  #asked: AskedPrompt | undefined
  #found: FoundPrompt | undefined

  constructor(request: ChatRequest, call: Call, prompts: KnownPrompts) {
    this.#request = request
    this.#call = call
    this.#prompts = prompts
    this.#prompt = request.prompt?.() ?? decodedPrompt(request)
    if (isLonger(this.#prompt)) this.#find()
  }

  readAt(upstream: string, model: string): number | undefined {
    return this.#find().conversation.placeAt(upstream, model)?.at
  }

  accountAt(upstream: string, model: string): string | undefined {
    return this.#find().conversation.placeAt(upstream, model)?.account
  }

  /** If nobody has asked for the place, there was no choice. */
  note(place: CachePlace): void {
    const { cacheMs = 0 } = this.#prompt
    this.#found?.conversation.notePlace({ ...place, lifeMs: Math.max(place.lifeMs, cacheMs) })
  }

  /** A request that failed has left nothing in a cache. */
  onEnd({ kind }: Ending): void {
    if (kind === 'failed' || !this.#asked || !this.#found) return
    this.#prompts.remember(this.#asked, this.#found)
  }

  #find(): FoundPrompt {
    if (this.#found) return this.#found
    const { caller, session, receipt } = this.#call
    const members = [{ name: 'model', value: this.#request.model }, ...this.#prompt.members]
    this.#asked = {
      callerId: caller.id,
      members,
      print: printPrompt(members),
      session: this.#prompt.conversation ?? session?.(),
    }
    this.#found = this.#prompts.find(this.#asked)
    receipt.conversation = this.#found.conversation.id
    if (this.#found.brokenAt !== undefined) receipt.cacheBrokenAt = this.#found.brokenAt
    return this.#found
  }
}

/** What a model reads of a request whose dialect does not say so. */
function decodedPrompt({ parameters: { tools }, messages }: ChatRequest): SentPrompt {
  return {
    members: [
      { name: 'tools', value: tools },
      { name: 'messages', value: messages },
    ],
    conversation: undefined,
    cacheMs: undefined,
  }
}

function isLonger({ members, conversation }: SentPrompt): boolean {
  if (conversation !== undefined) return true
  let items = 0
  for (const { value } of members) if (value !== undefined) items += Array.isArray(value) ? value.length : 1
  return items > 1
}
