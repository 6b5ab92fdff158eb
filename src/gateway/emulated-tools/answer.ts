import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Thread } from '../../chat/thread.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { type Batch, batches, type Flow, flowOf } from '../../flow/flow.ts'
import { nextTurn } from '../../flow/next-turn.ts'
import type { WithAccount } from '../layers/account.ts'
import { sum } from '../layers/choices.ts'
import { ChoiceAnswer } from './choice-answer.ts'
import { type JsonAnswer, readJsonAnswer } from './json-answer.ts'
import type { EmulationPlan } from './plan.ts'

type CallOf<Needs> = Parameters<Chat<Needs & WithAccount>>[1]

/** Tells the layers that the upstream is working while nothing can be shown. */
const progress: ChatEvent = { type: 'foreign', choice: 0, isShown: false }

/**
 * Asks an upstream without tools as planned, and finds the calls in its answer. If the answer cannot be used, it is asked once
 * more, as long as the call has an attempt left.
 * @throws ChatError `upstream-outdated` `tool_call_missing`, `tool_call_broken`, `invalid_json_answer` if the model does not do
 * what it must
 */
export function askEmulated<Needs>(
  next: Chat<Needs & WithAccount>,
  planning: Generator<void, EmulationPlan>,
  call: CallOf<Needs>,
): Flow {
  return flowOf(async function* (signal) {
    const plan = await finishPlan(planning, signal)
    yield* new EmulatedAnswer(next, plan, { ...call, signal }).run()
  }, call.signal)
}

/** Milliseconds after which other work gets its turn. */
const turnMs = 10

async function finishPlan(planning: Generator<void, EmulationPlan>, { runtime }: Cancel): Promise<EmulationPlan> {
  let since = runtime.elapsed()
  for (let step = planning.next(); ; step = planning.next()) {
    if (step.done) return step.value
    if (runtime.elapsed() - since < turnMs) continue
    await nextTurn()
    since = runtime.elapsed()
  }
}

class EmulatedAnswer<Needs> {
  readonly #next: Chat<Needs & WithAccount>
  readonly #plan: EmulationPlan
  readonly #call: CallOf<Needs>
  readonly #choices = new Map<number, ChoiceAnswer>()
  readonly #usages: Usage[] = []
  #usage: Usage | undefined

  constructor(next: Chat<Needs & WithAccount>, plan: EmulationPlan, call: CallOf<Needs>) {
    this.#next = next
    this.#plan = plan
    this.#call = call
  }

  async *run(): AsyncGenerator<Batch> {
    const thread = new KeptThread(this.#call.thread)
    yield* this.#read(this.#plan.request, thread)
    const correction = this.#correction()
    if (correction !== undefined) {
      this.#call.attemptAgain('ok')
      const request = this.#corrected(correction)
      for (const choice of this.#choices.values()) choice.restart()
      yield* this.#read(request, thread.again())
    }
    const last = [...this.#choices.values()].flatMap((choice) => this.#end(choice))
    const usage = this.#usages.length > 0 ? [usageEvent(sum(this.#usages))] : []
    yield [...last, ...usage]
  }

  async *#read(request: ChatRequest, thread: Thread): AsyncGenerator<Batch> {
    this.#usage = undefined
    for await (const batch of batches(this.#next(request, { ...this.#call, thread }))) {
      const events = batch.flatMap((event) => this.#add(event))
      yield events.length > 0 ? events : [progress]
    }
    const rest = [...this.#choices.values()].flatMap((choice) => choice.endText())
    if (rest.length > 0) yield rest
    if (this.#usage) this.#usages.push(this.#usage)
  }

  #add(event: ChatEvent): ChatEvent[] {
    if (event.type === 'usage') {
      const { native: _, ...usage } = event.usage
      this.#usage = usage
      return []
    }
    return this.#choiceAt(event.choice).add(event)
  }

  #choiceAt(index: number): ChoiceAnswer {
    const known = this.#choices.get(index)
    if (known) return known
    const { tools, marks, isParallel, isForced, format } = this.#plan
    const { runtime } = this.#call.signal
    const added = new ChoiceAnswer(index, {
      ...(tools && { calls: { tools, marks, isParallel } }),
      keepsText: isForced || format !== undefined,
      newId: () => `call_${runtime.newId().replaceAll('-', '').slice(0, 24)}`,
    })
    this.#choices.set(index, added)
    return added
  }

  /** What the model is told if its answer cannot be used. An answer that was cut short would be cut again. */
  #correction(): string | undefined {
    const [choice, ...others] = this.#choices.values()
    if (!choice || others.length > 0 || this.#call.attempts.left === 0) return undefined
    const { words, isForced } = this.#plan
    if (!isWhole(choice)) return undefined
    if (choice.misread) return words.correctCall(choice.misread.problem)
    if (choice.hasCalls) return undefined
    if (isForced) return words.missingCall
    const json = this.#jsonOf(choice)
    return json && 'problem' in json ? words.correctJson(json.problem) : undefined
  }

  #jsonOf(choice: ChoiceAnswer): JsonAnswer | undefined {
    const { format } = this.#plan
    return format && !choice.hasCalls ? readJsonAnswer(choice.keptText, format.schema) : undefined
  }

  #corrected(correction: string): ChatRequest {
    const { request } = this.#plan
    const said = [...this.#choices.values()].map((choice) => choice.said).join('')
    const text = (words: string) => [{ type: 'text' as const, text: words }]
    return {
      ...request,
      messages: [
        ...request.messages,
        ...(said.trim() === '' ? [] : [{ role: 'assistant' as const, content: text(said) }]),
        { role: 'user', content: text(correction) },
      ],
    }
  }

  /** Ends a choice with what was kept of it. @throws ChatError if it is not what it must be */
  #end(choice: ChoiceAnswer): ChatEvent[] {
    const { isForced } = this.#plan
    if (choice.isBroken && isWhole(choice)) throw brokenCall()
    if (choice.hasCalls) return choice.end()
    if (isForced && isWhole(choice)) throw missingCall()
    const json = isWhole(choice) ? this.#jsonOf(choice) : undefined
    if (json && 'problem' in json) throw badJson(json.problem)
    const text = json?.json ?? choice.keptText + (choice.misread?.text ?? '')
    return [...choice.say(text), ...choice.end()]
  }
}

/** Whether the model has ended the answer itself. */
function isWhole({ finish }: ChoiceAnswer): boolean {
  return finish?.reason !== 'length' && finish?.reason !== 'content-filter'
}

function usageEvent(usage: Usage): ChatEvent {
  return { type: 'usage', choice: 0, usage }
}

/** A thread whose state after the first answer is the one that the second request goes to. */
class KeptThread implements Thread {
  readonly #thread: Thread
  #kept: string | undefined

  constructor(thread: Thread) {
    this.#thread = thread
  }

  get known(): string | undefined {
    return this.#thread.known
  }

  spend(): void {
    this.#thread.spend()
  }

  keep(value: string): void {
    this.#kept = value
    this.#thread.keep(value)
  }

  again(): Thread {
    return { known: this.#kept, spend: () => this.spend(), keep: (value) => this.keep(value) }
  }
}

function brokenCall(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'The model broke off in a tool call that it writes as text, because this upstream has no tools.',
    code: 'tool_call_broken',
  })
}

function missingCall(): ChatError {
  return new ChatError('upstream-outdated', {
    message:
      'The model called no tool, although it had to. This upstream has no tools, so the gateway cannot force it.',
    code: 'tool_call_missing',
  })
}

function badJson(problem: string): ChatError {
  return new ChatError('upstream-outdated', {
    message: `The model did not answer with the JSON that was asked for, although it was asked again: ${problem}`,
    code: 'invalid_json_answer',
  })
}
