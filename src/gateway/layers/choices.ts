import type { Usage } from '../../chat/event.ts'
import type { Support } from '../../chat/model.ts'
import type { Layer } from '../../flow/chat.ts'
import { type Batch, events, type Flow, flowOf } from '../../flow/flow.ts'
import { merge, type SourcedBatch } from '../../flow/merge.ts'

/**
 * Emulates several answers for an upstream that gives one at a time: it makes one call for each choice, all at
 * the same time.
 */
export function choices(support: Support): Layer {
  const takesMany = ({ parameters }: Support) => parameters.choices === 'honoured'
  return (next) => {
    if (takesMany(support) && !support.instead) return next
    return (request, call) => {
      if (!('choices' in request.parameters)) return next(request, call)
      if (takesMany(support.instead?.(request) ?? support)) return next(request, call)
      const { choices: wanted = 1, ...others } = request.parameters
      const single = { ...request, parameters: others }
      if (wanted === 1) return next(single, call)
      return flowOf((signal) => {
        const one = () => next(single, { ...call, signal, attempts: call.attempts.branch() })
        return numberChoices(merge(Array.from({ length: wanted }, one)))
      }, call.signal)
    }
  }
}

/**
 * Numbers the choices of several answers to one request in order, and sums the usages.
 * @param each the number of choices of each answer
 */
export async function* numberChoices(answers: Flow<SourcedBatch>, each = 1): AsyncGenerator<Batch> {
  const usages = new Map<number, Usage>()
  for await (const { source, batch } of events(answers)) {
    const own = batch.flatMap((event) => {
      if (event.type !== 'usage') return { ...event, choice: source * each + Math.min(event.choice, each - 1) }
      usages.set(source, event.usage)
      return []
    })
    if (own.length > 0) yield own
  }
  if (usages.size > 0) yield [{ type: 'usage', choice: 0, usage: sum([...usages.values()]) }]
}

const countedFields = [
  'inputTokens',
  'cachedInputTokens',
  'cacheWriteTokens',
  'longCacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
  'totalTokens',
  'cost',
] as const satisfies readonly (keyof Usage)[]

/** Sums usages. A number that one of them lacks is not in the sum. */
export function sum(usages: readonly Usage[]): Usage {
  const totals: Partial<Record<(typeof countedFields)[number], number>> = {}
  for (const name of countedFields) {
    const counts = usages.map((usage) => usage[name]).filter((count) => count !== undefined)
    if (counts.length === usages.length) totals[name] = counts.reduce((a, b) => a + b, 0)
  }
  return { ...totals, source: usages.every(({ source }) => source === 'upstream') ? 'upstream' : 'estimate' }
}
