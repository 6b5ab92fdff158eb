import type { Family } from './family.ts'
import type { MetricFormat } from './format.ts'

/** Metrics as text, and the type of the text. */
export interface WrittenMetrics {
  readonly text: string
  readonly type: string
}

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
  const registry = AggregatorRegistry.aggregate<typeof type>(sets.map((set) => set.map(isOpen ? open : plain)))
  registry.setContentType(type)
  return { text: await registry.metrics(), type }
}

/** OpenMetrics names the family of a counter without `_total`, and the library adds it to each number. */
function open(family: Family): object {
  return { ...family, aggregator: 'sum' }
}

function plain(family: Family): object {
  return { ...open(family), ...(family.type === 'counter' && { name: `${family.name}_total` }) }
}
