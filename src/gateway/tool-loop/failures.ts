import { ChatError } from '../../chat/error.ts'
import type { ToolCallPart } from '../../chat/message.ts'
import type { ToolResultEvent } from './events.ts'

/** As often as this, the same call may fail in the same way. */
const maxTimes = 3

/** Notices a model that makes the same call again and again, and gets the same failure each time. */
export class Failures {
  readonly #last = new Map<string, { readonly content: string; readonly times: number }>()

  /** Takes the results of a round. The same call several times in one round is one. @throws ChatError `upstream-failed` */
  add(calls: readonly ToolCallPart[], results: ReadonlyMap<string, ToolResultEvent>): void {
    const round = new Map(calls.map((call) => [`${call.name} ${call.arguments}`, results.get(call.id)]))
    for (const [call, result] of round) {
      if (!result?.isError) this.#last.delete(call)
      else if (this.#count(call, result.content) >= maxTimes) throw stuck(result.name)
    }
  }

  #count(call: string, content: string): number {
    const last = this.#last.get(call)
    const times = last?.content === content ? last.times + 1 : 1
    this.#last.set(call, { content, times })
    return times
  }
}

function stuck(name: string): ChatError {
  return new ChatError('upstream-failed', {
    message: `The model made the same call of "${name}" ${maxTimes} times, and it failed in the same way each time.`,
    code: 'tool_loop_failed',
  })
}
