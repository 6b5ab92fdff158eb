import { ChatError } from '../../chat/error.ts'
import type { ToolCallPart } from '../../chat/message.ts'
import type { ToolResultEvent } from './events.ts'

/** Limit for equal failures of the same call. */
const maxTimes = 3

/** Notices a model that repeats the same call and gets the same failure each time. */
export class Failures {
  readonly #last = new Map<string, { readonly content: string; readonly times: number }>()

  /** Adds the results of a round. Equal calls of one round count once. @throws ChatError `upstream-failed` */
  add(calls: readonly ToolCallPart[], results: ReadonlyMap<string, ToolResultEvent>): void {
    const round = new Map(calls.map((call) => [`${call.name} ${call.arguments}`, results.get(call.id)]))
    for (const [call, result] of round) {
      if (!result?.isError) this.#last.delete(call)
      else if (this.#count(call, result.content) >= maxTimes) throw repeatedFailure(result.name)
    }
  }

  #count(call: string, content: string): number {
    const last = this.#last.get(call)
    const times = last?.content === content ? last.times + 1 : 1
    this.#last.set(call, { content, times })
    return times
  }
}

function repeatedFailure(name: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The model made the same call of "${name}" ${maxTimes} times, and it failed in the same way each time.`,
    code: 'tool_loop_failed',
  })
}
