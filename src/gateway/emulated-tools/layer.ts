import { asChatError, type ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import type { Flow } from '../../flow/flow.ts'
import { tryFirst } from '../../flow/try-first.ts'
import { watch } from '../../flow/watch.ts'
import type { WithAccount } from '../layers/account.ts'
import { pace } from '../layers/pace.ts'
import { refusesTools } from '../tool-refusals.ts'
import { askEmulated } from './answer.ts'
import type { Emulation } from './emulation.ts'
import { emulatedParameters, type Lacks, planEmulation } from './plan.ts'

/**
 * Emulates tools and JSON formats for an upstream that has none: the model is told how to write calls, and they are read in its
 * text. A model that refuses tools gets them in this way from then on (docs/decisions/0057-emulated-tools.md).
 */
export function emulateTools(
  emulation: Emulation,
  upstream: string,
): <Needs>(next: Chat<Needs & WithAccount>) => Chat<Needs & WithAccount> {
  return (next) => {
    const told = pace(upstream, emulation.maxRpm)(next)
    const emulate = (request: ChatRequest, lacks: Lacks, call: Parameters<typeof next>[1]): Flow => {
      for (const name of emulatedParameters(request, lacks)) {
        const spelled = request.spelling[name]
        if (spelled !== undefined) call.receipt.parameters.set(spelled, 'emulated')
      }
      return watch(askEmulated(told, planEmulation(request, lacks), call), {
        onEnd(ending) {
          if (ending.kind === 'failed' && emulation.noteFailure(ending.error))
            call.log.warn(
              { upstream, err: ending.error },
              'the service blocks programs, so its tools are no longer emulated',
            )
        },
      })
    }
    return (request, call) => {
      const lacks = emulation.lacksFor(request)
      if (lacks) return emulate(request, lacks, call)
      if (!emulation.mayRefuse(request)) return next(request, call)
      return tryFirst<ChatEvent>(
        {
          open: () => next(request, call),
          onBegun: () => emulation.prove(request.model),
          recover: async (thrown, { begin }) => {
            const error = asChatError(thrown)
            if (!refusesTools(error) || isAboutChoice(error) || call.attempts.left === 0) throw thrown
            emulation.noteRefusal(request.model)
            const now = emulation.lacksFor(request)
            if (!now) throw thrown
            call.log.info({ upstream, model: request.model }, 'the model takes no tools, so they are emulated')
            call.attemptAgain(error.ownCode)
            return begin(emulate(request, now, call))
          },
        },
        call.signal,
      )
    }
  }
}

/** Whether only the choice of tools was refused, and not the tools. vLLM names the choice if it was started without tools. */
function isAboutChoice({ message }: ChatError): boolean {
  return /tool_choice|parallel_tool_calls/i.test(message) && !/enable-auto-tool-choice/i.test(message)
}
