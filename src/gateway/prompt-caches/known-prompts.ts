import type { PromptMember } from '../../chat/prompt.ts'
import type { CachedConversation } from './conversation.ts'
import { type Difference, differenceOf, isBreak, isRewritten, pathOf } from './find-break.ts'
import { mix, type PromptPrint } from './print-prompt.ts'

/** A prompt, as it is looked up. */
export interface AskedPrompt {
  readonly callerId: string
  readonly members: readonly PromptMember[]
  readonly print: PromptPrint
  /** The client's own name of the conversation. */
  readonly session: string | undefined
}

/** What is known of a prompt. */
export interface FoundPrompt {
  readonly conversation: CachedConversation
  /** The path of the first place that is not what it was; undefined if the prompt only grew. */
  readonly brokenAt?: string
  /** The prompt of the same conversation that this one replaces. */
  readonly replaced?: KnownPrompt
}

interface KnownPrompt {
  readonly callerId: string
  readonly print: PromptPrint
  readonly conversation: CachedConversation
  /** Hashes under which it is found again. */
  readonly names: readonly number[]
}

interface Bounds {
  readonly maxPrompts: number
  /** Limit for the hashes of all prompts; each takes eight bytes. */
  readonly maxHashes: number
}

const usualBounds: Bounds = { maxPrompts: 2_000, maxHashes: 512 * 1024 }
/** Limit for the prompts of one name, such as the branches of a conversation. */
const maxPerName = 8
/** How many of the last messages are looked up, when the first one is not known. */
const maxTails = 8

/**
 * The newest prompts, by hashes only. A later request of a conversation is found by the client's own name of it, else by its first
 * message of the user, else by the message that was the last one. Nothing of one caller is found for another.
 */
export class KnownPrompts {
  readonly #newConversation: () => CachedConversation
  readonly #bounds: Bounds
  /** In the order of their last use. */
  readonly #prompts = new Set<KnownPrompt>()
  readonly #byName = new Map<number, KnownPrompt[]>()
  #hashes = 0

  constructor(newConversation: () => CachedConversation, bounds = usualBounds) {
    this.#newConversation = newConversation
    this.#bounds = bounds
  }

  get size(): number {
    return this.#prompts.size
  }

  /** Finds the conversation of a prompt, and what of it has changed. A new conversation has no earlier prompt. */
  find(asked: AskedPrompt): FoundPrompt {
    const { print } = asked
    const [first, ...others] = namesOf(asked)
    const known = this.#named(first, asked)
    const found = bestOf(known, asked)
    if (found) return found
    // a request without an answer begins a conversation
    const said = print.sizes.at(-1) ?? 0
    for (let at = 2; others.length > 0 && at <= Math.min(said - 1, maxTails); at++) {
      const tail = bestOf(this.#named(tailName(asked, at), asked), asked)
      if (tail) return tail
    }
    const [shared] = asked.session === undefined ? [] : known
    return { conversation: shared?.conversation ?? this.#newConversation() }
  }

  /** Remembers a prompt that an upstream has read. */
  remember(asked: AskedPrompt, { conversation, replaced }: FoundPrompt): void {
    if (replaced) this.#forget(replaced)
    const { callerId, print } = asked
    const prompt: KnownPrompt = { callerId, print, conversation, names: namesOf(asked) }
    this.#prompts.add(prompt)
    this.#hashes += sizeOf(print)
    for (const name of prompt.names) this.#addTo(name, prompt)
    for (const oldest of this.#prompts) {
      if (this.#prompts.size <= this.#bounds.maxPrompts && this.#hashes <= this.#bounds.maxHashes) break
      this.#forget(oldest)
    }
  }

  #named(name: number | undefined, { callerId, print }: AskedPrompt): readonly KnownPrompt[] {
    const known = name === undefined ? undefined : this.#byName.get(name)
    return known?.filter((prompt) => prompt.callerId === callerId && prompt.print.shape === print.shape) ?? []
  }

  #addTo(name: number, prompt: KnownPrompt): void {
    const known = this.#byName.get(name)
    if (!known) this.#byName.set(name, [prompt])
    else if (known.push(prompt) > maxPerName && known[0]) this.#forget(known[0])
  }

  #forget(prompt: KnownPrompt): void {
    if (!this.#prompts.delete(prompt)) return
    this.#hashes -= sizeOf(prompt.print)
    for (const name of prompt.names) {
      const others = this.#byName.get(name)?.filter((other) => other !== prompt) ?? []
      if (others.length > 0) this.#byName.set(name, others)
      else this.#byName.delete(name)
    }
  }
}

/** Chooses the earlier prompt that has most in common with this one. One that it continues is preferred to one that it breaks. */
function bestOf(known: readonly KnownPrompt[], asked: AskedPrompt): FoundPrompt | undefined {
  let best: { readonly common: number; readonly found: FoundPrompt } | undefined
  for (const prompt of known) {
    const difference = differenceOf(prompt.print, asked.print)
    const common = difference?.common ?? prompt.print.items.length + 0.5
    if (best && best.common >= common) continue
    const found = difference
      ? compared(prompt, asked, { difference, isCrowded: known.length >= maxPerName })
      : grown(prompt)
    if (found) best = { common, found }
  }
  return best?.found
}

function grown(prompt: KnownPrompt): FoundPrompt {
  return { conversation: prompt.conversation, replaced: prompt }
}

interface Comparison {
  readonly difference: Difference
  /** Whether other branches of the conversation may have been forgotten. */
  readonly isCrowded: boolean
}

function compared(
  prompt: KnownPrompt,
  { members, print }: AskedPrompt,
  { difference, isCrowded }: Comparison,
): FoundPrompt | undefined {
  const { conversation } = prompt
  const isBroken =
    isBreak(prompt.print, print, difference) || (!isCrowded && isRewritten(prompt.print, members, difference))
  if (isBroken) return { conversation, brokenAt: pathOf(prompt.print, members, difference), replaced: prompt }
  // another branch of the conversation has its first message in common
  const beforeLast = print.items.length - (print.sizes.at(-1) ?? 0)
  return difference.common > beforeLast ? { conversation } : undefined
}

/** The hashes under which a prompt is found. The first one is looked up first. */
function namesOf(asked: AskedPrompt): readonly number[] {
  const { callerId, session, print } = asked
  const caller = Bun.hash.crc32(callerId)
  if (session !== undefined) return [mix(mix(caller, 1), Bun.hash.crc32(session))]
  return [mix(mix(caller, 2), print.firstOfUser), tailName(asked, 1)]
}

/** The hash of two messages that follow each other, because conversations have short ones in common. @param at  the last one, from the end */
function tailName({ callerId, print: { items } }: AskedPrompt, at: number): number {
  return mix(mix(mix(Bun.hash.crc32(callerId), 3), items.at(-at - 1) ?? 0), items.at(-at) ?? 0)
}

function sizeOf({ items, fields, ends }: PromptPrint): number {
  return items.length + fields.length + ends.length
}
