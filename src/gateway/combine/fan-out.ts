import { linkAbort } from '../../chat/abort.ts'
import { branchReceipt, type Call, type Receipt, type Treatment } from '../../chat/call.ts'
import type { Chat } from '../../chat/chat.ts'
import { asChatError, ChatError } from '../../chat/error.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { sum } from '../layers/choices.ts'
import { Ahead } from './ahead.ts'
import { merge } from './merge.ts'

/** One of those that are asked together. */
export interface FanMember {
  /** How it is announced: `Cohere (command-r-08-2024)`. */
  readonly title: string
  readonly chat: Chat
}

/** Characters of a later column that may wait for its turn; beyond it that member's upstream is slowed down. */
const maxAheadChars = 64 * 1024

/**
 * Asks all members at once. One answer is asked for: their texts in one column, in the members' order, each under its
 * header, the first as it comes. As many answers as members are asked for: each is a choice of its own, side by side.
 * A member that fails says so in its place; when all fail, the call does.
 */
export function fanOut(members: readonly FanMember[]): Chat {
  return async function* (request, call) {
    const wanted = request.parameters.choices ?? 1
    refuse(request, wanted, members.length)
    const { choices: _, ...parameters } = request.parameters
    const link = linkAbort(call.signal)
    const asked = members.map((member) => ask(member, { ...request, parameters }, { ...call, signal: link.signal }))
    const streams = asked.map(({ stream }) => stream)
    try {
      const anyBegun = begunOrFailed(streams)
      anyBegun.catch(() => undefined)
      const told =
        wanted === 1
          ? column(members, streams, anyBegun)
          : sideBySide(members, { streams, anyBegun, signal: link.signal })
      for await (const event of told) {
        noteParameters(call.receipt, asked)
        yield event
      }
    } finally {
      link.abort(new ChatError('cancelled', { message: 'Nobody reads on.' }))
      link.release()
      for (const stream of streams) await stream.return()
    }
  }
}

/** @throws ChatError what no panel can do */
function refuse({ messages, parameters, spelling }: ChatRequest, wanted: number, size: number): void {
  if (!messages.some(({ role }) => role === 'user')) {
    throw new ChatError('invalid-request', {
      message: 'messages: a panel needs a user message to answer.',
      param: 'messages',
    })
  }
  if (wanted !== 1 && wanted !== size) {
    throw new ChatError('invalid-request', {
      message: `n: this panel has ${size} members, so n is 1 (one column) or ${size} (a choice for each).`,
      param: spelling.choices ?? 'n',
    })
  }
  const odd = parameters.tools?.length
    ? 'tools'
    : parameters.responseFormat && parameters.responseFormat.type !== 'text'
      ? 'responseFormat'
      : undefined
  if (wanted !== 1 || !odd) return
  const name = spelling[odd] ?? odd
  throw new ChatError('unsupported', {
    message: `${name}: several answers in one column cannot do this. Ask for n = ${size}, or choose a single model.`,
    param: name,
  })
}

interface Asked {
  readonly stream: Ahead
  readonly receipt: Receipt
}

function ask({ chat }: FanMember, request: ChatRequest, call: Call): Asked {
  const receipt = branchReceipt(call.receipt, new Map())
  return { receipt, stream: new Ahead(chat(request, { ...call, receipt }), maxAheadChars) }
}

/** Resolves once a member answers. @throws ChatError when all have failed: why they did if they agree */
async function begunOrFailed(streams: readonly Ahead[]): Promise<void> {
  const results = streams.map(({ begun }) => begun)
  try {
    await Promise.any(results)
  } catch {
    const errors = (await Promise.allSettled(results)).flatMap((result) =>
      result.status === 'rejected' ? [asChatError(result.reason)] : [],
    )
    const [first] = errors
    if (first && errors.every(({ reason }) => reason === first.reason)) throw first
    throw new ChatError('upstream-failed', {
      message: `Every member of the panel failed: ${errors.map(({ reason }) => reason).join(', ')}.`,
    })
  }
}

/** What is said in the place of a member that failed: the kind of failure, of a closed list, and nothing an upstream said. */
function failureLine(thrown: unknown): string {
  return `Request failed: ${asChatError(thrown).reason}\n`
}

/** Section after section, each `--- [title] ---`, a line break, the text; one line break between them. */
async function* column(
  members: readonly FanMember[],
  streams: readonly Ahead[],
  anyBegun: Promise<void>,
): AsyncGenerator<ChatEvent> {
  await anyBegun
  const usages: (Usage | undefined)[] = []
  for (const [at, stream] of streams.entries()) {
    yield text(0, `${at > 0 ? '\n' : ''}--- [${members[at]?.title}] ---\n`)
    yield* section(stream, (usage) => {
      usages[at] = usage
    })
  }
  yield { type: 'finish', choice: 0, reason: 'stop' }
  yield* totalUsage(members, usages)
}

/** One member's text; where it fails, the line that says so, on a line of its own. */
async function* section(stream: Ahead, onUsage: (usage: Usage) => void): AsyncGenerator<ChatEvent> {
  let hasText = false
  try {
    for await (const event of stream) {
      if (event.type === 'usage') onUsage(event.usage)
      if (event.type !== 'text' && event.type !== 'reasoning') continue
      hasText ||= event.type === 'text' && event.text !== ''
      const { native: _, ...said } = event
      yield { ...said, choice: 0 }
    }
  } catch (thrown) {
    if (asChatError(thrown).reason === 'cancelled') throw thrown
    yield text(0, `${hasText ? '\n' : ''}${failureLine(thrown)}`)
  }
}

function text(choice: number, words: string): ChatEvent {
  return { type: 'text', choice, text: words }
}

interface SideBySide {
  readonly streams: readonly Ahead[]
  readonly anyBegun: Promise<void>
  readonly signal: AbortSignal
}

/** Every member a choice of its own, all as they come. */
async function* sideBySide(
  members: readonly FanMember[],
  { streams, anyBegun, signal }: SideBySide,
): AsyncGenerator<ChatEvent> {
  const usages: (Usage | undefined)[] = []
  const open = streams.map((stream) => () => answered(stream, anyBegun))
  for await (const { source, event } of merge(open, signal)) {
    if (event.type === 'usage') usages[source] = event.usage
    else yield { ...event, choice: source }
  }
  yield* totalUsage(members, usages)
}

/** The member's events; where it fails while another answers, its failure as its answer. */
async function* answered(stream: Ahead, anyBegun: Promise<void>): AsyncGenerator<ChatEvent> {
  let hasText = false
  try {
    for await (const event of stream) {
      hasText ||= event.type === 'text' && event.text !== ''
      yield event
    }
  } catch (thrown) {
    if (asChatError(thrown).reason === 'cancelled') throw thrown
    await anyBegun
    yield text(0, `${hasText ? '\n' : ''}${failureLine(thrown)}`)
    yield { type: 'finish', choice: 0, reason: 'stop' }
  }
}

/** The sum, and whose share each part is. What a member that failed has used is not known, and so not in the sum. */
function* totalUsage(members: readonly FanMember[], usages: readonly (Usage | undefined)[]): Generator<ChatEvent> {
  const known = usages.filter((usage) => usage !== undefined)
  if (known.length === 0) return
  const shares = members.flatMap(({ title }, at) => {
    const usage = usages[at]
    return usage ? [{ title, usage }] : []
  })
  yield { type: 'usage', choice: 0, usage: { ...sum(known), ...(shares.length > 0 && { shares }) } }
}

/** Of members that treat a parameter differently, the client is told the least. */
const order: readonly Treatment[] = ['dropped', 'emulated', 'mapped', 'honoured']

function noteParameters(whole: Receipt, asked: readonly Asked[]): void {
  if (whole.parameters.size > 0) return
  for (const { receipt } of asked) {
    for (const [name, treatment] of receipt.parameters) {
      const before = whole.parameters.get(name)
      if (!before || order.indexOf(treatment) < order.indexOf(before)) whole.parameters.set(name, treatment)
    }
  }
}
