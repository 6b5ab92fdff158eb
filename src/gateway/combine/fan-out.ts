import { asChatError, ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { branchReceipt, type Call, type Receipt, type Treatment } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { type Batch, type Flow, flowOf } from '../../flow/flow.ts'
import { type ReadAheadFlow, readAhead } from '../../flow/read-ahead.ts'
import { watch } from '../../flow/watch.ts'
import { column, type Fan, reduceToText } from './column.ts'
import { sideBySide } from './side-by-side.ts'
import { sizeOf } from './size-of.ts'

/** One of the chats that a panel asks. */
export interface FanMember {
  /** The text of its header: `Cohere (command-r-08-2024)`. */
  readonly title: string
  readonly chat: Chat
}

/** Limit for the waiting characters of a later member. Above it, the gateway reads no more from that member. */
const maxWaitingChars = 256 * 1024
/** Limit for the characters of a choice that wait for a slow reader. Choices do not wait for each other. */
const maxUnreadChars = 8 * 1024

/**
 * Asks all members at once. If the request wants one answer, it gets their texts in one column, in the members' order,
 * each under its header. The first text is streamed. If it wants as many answers as there are members, each
 * member is a choice. A failed member is reported in its place. If all fail, the call fails.
 * @see docs/decisions/0012-fan-out.md
 */
export function fanOut(members: readonly FanMember[]): Chat {
  return (request, call) => flowOf((signal) => answers(members, request, { ...call, signal }), call.signal)
}

async function* answers(members: readonly FanMember[], request: ChatRequest, call: Call): AsyncGenerator<Batch> {
  const isColumn = isOneColumn(request, members.length)
  const question = requestForMembers(request)
  const answered = members.map((member) => ask(member, { request: question, call, isColumn }))
  const fan = {
    titles: members.map(({ title }) => title),
    flows: answered.map(({ flow }) => flow),
    signal: call.signal,
  }
  const anyBegun = begunOrFailed(fan.flows)
  anyBegun.catch(() => undefined)
  const note = () => noteMembers(call.receipt, { answered, choices: request.spelling.choices })
  try {
    let isNoted = false
    for await (const batch of (isColumn ? column : sideBySide)(fan, anyBegun)) {
      // an aborted call ends with its own reason, not with a member's failure
      call.signal.throwIfAborted()
      if (!isNoted) note()
      isNoted = true
      yield batch
    }
    call.signal.throwIfAborted()
  } finally {
    note()
    for (const flow of fan.flows) flow.close()
  }
}

/**
 * Whether the request wants one answer, and not one from each member.
 * @throws ChatError for a request that no panel can answer
 */
function isOneColumn({ messages, parameters, spelling }: ChatRequest, size: number): boolean {
  if (!messages.some(({ role }) => role === 'user')) {
    throw new ChatError('invalid-request', {
      message: 'messages: a panel needs a user message to answer.',
      param: 'messages',
    })
  }
  const wanted = parameters.choices ?? 1
  if (wanted !== 1 && wanted !== size) {
    throw new ChatError('invalid-request', {
      message: `n: this panel has ${size} members, so n must be 1 (one column) or ${size} (a choice for each).`,
      param: spelling.choices ?? 'n',
    })
  }
  if (wanted === 1) refuseStructure({ parameters, spelling }, size)
  return wanted === 1
}

/** @throws ChatError for tools and structured output, which several answers in one text would break */
function refuseStructure({ parameters, spelling }: Pick<ChatRequest, 'parameters' | 'spelling'>, size: number): void {
  const isStructured = parameters.responseFormat !== undefined && parameters.responseFormat.type !== 'text'
  if (!parameters.tools?.length && !isStructured) return
  const param = parameters.tools?.length ? (spelling.tools ?? 'tools') : (spelling.responseFormat ?? 'response_format')
  const remedy = size > 1 ? `Ask for n = ${size}, or choose a single model.` : 'Choose a single model.'
  throw new ChatError('unsupported', {
    message: `${param}: this is not possible with several answers in one text. ${remedy}`,
    param,
  })
}

/** Makes the request for each member, which wants one answer. */
function requestForMembers(request: ChatRequest): ChatRequest {
  const { choices: _count, ...parameters } = request.parameters
  const { choices: _name, ...spelling } = request.spelling
  return { ...request, parameters, spelling }
}

interface MemberCall {
  readonly request: ChatRequest
  readonly call: Call
  readonly isColumn: boolean
}

interface MemberAnswer {
  readonly flow: ReadAheadFlow<ChatEvent>
  readonly receipt: Receipt
}

function ask({ title, chat }: FanMember, { request, call, isColumn }: MemberCall): MemberAnswer {
  const receipt = branchReceipt(call.receipt)
  const attempts = call.attempts.branch()
  const open = () => noteFailure(chat(request, { ...call, attempts, receipt }), title, call)
  return {
    receipt,
    flow: isColumn
      ? readAhead(() => reduceToText(open()), { maxSize: maxWaitingChars, sizeOf })
      : readAhead(open, { maxSize: maxUnreadChars, sizeOf }),
  }
}

/** Logs a member's failure for the operator. The client only sees its reason. */
function noteFailure(answer: Flow, member: string, call: Call): Flow {
  return watch(answer, {
    onEnd(ending) {
      if (ending.kind !== 'failed' || call.signal.aborted) return
      const line = { member, err: ending.error }
      if (ending.error.reason === 'internal') call.log.error(line, 'a member of the panel failed')
      else call.log.warn(line, 'a member of the panel failed')
    },
  })
}

/** Resolves when a member answers. @throws ChatError if all have failed, with their common reason if they have one */
async function begunOrFailed(flows: Fan['flows']): Promise<void> {
  const results = flows.map(({ begun }) => begun)
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

/** Treatments from worst to best. If members treat a parameter differently, the receipt has the worst one. */
const order: readonly Treatment[] = ['dropped', 'emulated', 'mapped', 'honoured']

interface MemberNotes {
  readonly answered: readonly MemberAnswer[]
  /** The client's name for the number of answers, which the panel itself implements. */
  readonly choices: string | undefined
}

function noteMembers(whole: Receipt, { answered, choices }: MemberNotes): void {
  const { parameters } = whole
  const upstreams = new Set(answered.flatMap(({ receipt }) => receipt.upstream ?? []))
  if (upstreams.size > 0) whole.upstream = [...upstreams].join(', ')
  for (const { receipt } of answered) {
    for (const [name, treatment] of receipt.parameters) {
      const before = parameters.get(name)
      if (!before || order.indexOf(treatment) < order.indexOf(before)) parameters.set(name, treatment)
    }
  }
  if (choices !== undefined) parameters.set(choices, 'emulated')
}
