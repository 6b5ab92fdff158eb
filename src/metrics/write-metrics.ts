import { nextTurn } from '../flow/next-turn.ts'
import type { Family, Sample } from './family.ts'
import type { MetricFormat } from './format.ts'

/** Metrics as text, and the type of the text. */
export interface WrittenMetrics {
  readonly text: string
  readonly type: string
}

/** Numbers that are written at once, which takes some milliseconds. Then others get a turn. */
const atOnce = 250

/**
 * Writes the metrics of one process, or of several. The library is loaded when they are first asked for, so that the start does not
 * pay for it. It counts nothing: that would cost each request more than all that is counted (docs/decisions/0098-metrics.md).
 */
export async function writeMetrics(
  sets: readonly (readonly Family[])[],
  format: MetricFormat,
): Promise<WrittenMetrics> {
  const { AggregatorRegistry, Registry } = await import('prom-client')
  const isOpen = format === 'openmetrics'
  const type = isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE
  const lines: string[] = []
  for (const family of joined(sets)) {
    // OpenMetrics names the family of a counter without `_total`, and the library adds it to each number
    const name = family.type === 'counter' && !isOpen ? `${family.name}_total` : family.name
    for (let at = 0; at === 0 || at < family.values.length; at += atOnce) {
      const part = { ...family, name, aggregator: 'sum', values: family.values.slice(at, at + atOnce) }
      const registry = AggregatorRegistry.aggregate<typeof type>([[part]])
      registry.setContentType(type)
      const text = await registry.getSingleMetricAsString(name)
      // every part begins with the two lines about the family
      lines.push(at === 0 ? text : text.split('\n').slice(2).join('\n'))
      if (part.values.length === atOnce) await nextTurn()
    }
  }
  if (isOpen) lines.push('# EOF')
  return { text: `${lines.join('\n')}\n`, type }
}

/** The families of all sets, each once: a format knows no family that comes again. */
function joined(sets: readonly (readonly Family[])[]): Iterable<Family> {
  const [only] = sets
  if (only && sets.length === 1) return only
  const values = new Map<string, { readonly family: Family; readonly samples: Sample[] }>()
  for (const family of sets.flat()) {
    const known = values.get(family.name) ?? { family, samples: [] }
    known.samples.push(...family.values)
    values.set(family.name, known)
  }
  return [...values.values()].map(({ family, samples }) => ({ ...family, values: samples }))
}
