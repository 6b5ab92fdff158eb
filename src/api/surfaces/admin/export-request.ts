import { redact } from '../../../chat/secret.ts'
import { fillerOf } from '../../../gateway/requests/filler.ts'
import type { RecentRequest } from '../../../gateway/requests/recent-requests.ts'
import type { RecordedTexts } from '../../../gateway/requests/text-recorder.ts'
import { encodeTimeline } from './encode-request.ts'

/**
 * A request as a file that may be given away, for `tributary replay`. It has no key, no id, no account's name and no text: accounts
 * are numbered, and a recorded text becomes another one of the same length.
 */
export function exportRequest(request: RecentRequest, texts: RecordedTexts | undefined) {
  const { usage, surface = null, task, parameters, tools } = request
  return {
    format: 'tributary-request',
    version: 1,
    request: {
      ...{ surface, task, model: redact(request.model), stream: request.isStreamed ?? false },
      parameters: [...parameters.keys()].filter((name) => plainName.test(name)).map(redact),
      gateway_tools: tools.length,
      panel: request.upstream?.includes(', ') ?? false,
      hedged: request.isHedged,
    },
    outcome: request.outcome,
    first_event_ms: request.firstEventMs === undefined ? null : Math.round(request.firstEventMs),
    duration_ms: Math.round(request.durationMs),
    usage: usage
      ? { input_tokens: usage.inputTokens ?? null, output_tokens: usage.outputTokens ?? null, source: usage.source }
      : null,
    timeline: withoutNames(encodeTimeline(request)),
    texts: texts ? { request: fillerOf(texts.request.length), answer: fillerOf(texts.answer.length) } : null,
  }
}

/** Unknown fields of a body have names of the client's choice. */
const plainName = /^[a-z][\w.]{0,63}$/i

/** Numbers the accounts in the order in which they were asked. */
function withoutNames({ queued_ms, attempts, seams }: ReturnType<typeof encodeTimeline>) {
  const numbers = new Map<string, number>()
  const numberOf = (account: string) => {
    const number = numbers.get(account) ?? numbers.size + 1
    numbers.set(account, number)
    return number
  }
  return {
    queued_ms,
    // a hash would show whether a text that somebody has is the one that was asked
    attempts: attempts.map(({ account, model, hashes: _, ...attempt }) => ({
      ...attempt,
      model: redact(model),
      account: account === null ? null : numberOf(`${attempt.upstream}\n${account}`),
    })),
    seams,
  }
}
