import type { Runtime } from '../flow/runtime.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { LastReload } from '../needs/look.ts'
import type { Need } from '../needs/need.ts'
import type { Store } from '../state/store.ts'
import type { ToolRegistry } from '../tools/tool.ts'
import { counter, counters, type Family, gauge, type Sample } from './family.ts'
import { upstreamFamilies } from './upstream-metrics.ts'

/** The parts of the program that are looked at when the metrics are asked for. None of them makes a request because of it. */
export interface MetricSources {
  /** The gateway of the current configuration. */
  gateway(): Pick<Gateway, 'inspect' | 'shed'>
  readonly needs: { list(): readonly Need[] }
  readonly tools: Pick<ToolRegistry, 'servers'>
  readonly store: Pick<Store, 'problem'>
  readonly configuration: { readonly lastReload: LastReload | undefined }
  /** What the server answers at the moment. */
  openAnswers(): { readonly requests: number; readonly streams: number }
  /** The lines of the log that were dropped so far. */
  droppedLines(): number
  readonly version: string
  readonly runtime: Pick<Runtime, 'memory'>
}

/** What is known of the program at the moment. */
export function programFamilies(sources: MetricSources): readonly Family[] {
  const gateway = sources.gateway()
  const { calls, upstreams } = gateway.inspect()
  const { requests, streams } = sources.openAnswers()
  return [
    gauge('tributary_running_calls', calls.running),
    gauge('tributary_waiting_calls', calls.waiting),
    gauge('tributary_max_calls', calls.permits),
    gauge('tributary_open_requests', requests),
    gauge('tributary_open_streams', streams),
    counters(
      'tributary_shed_calls',
      Object.entries(gateway.shed).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    ...upstreamFamilies(upstreams),
    gauge(
      'tributary_tool_servers',
      countBy(sources.tools.servers(), ({ status }) => ({ status })),
    ),
    gauge('tributary_store_problem', sources.store.problem() ? 1 : 0),
    gauge(
      'tributary_needs',
      countBy(sources.needs.list(), ({ kind, severity }) => ({ kind, severity })),
    ),
    counter('tributary_log_lines_dropped', sources.droppedLines()),
    ...reloadFamilies(sources.configuration.lastReload),
    gauge('tributary_build_info', [{ labels: { version: sources.version, bun: Bun.version }, value: 1 }]),
    ...memoryLimit(sources.runtime),
  ]
}

/** Before the first reload, the configuration of the start is in force, which was successful. */
function reloadFamilies(reload: LastReload | undefined): readonly Family[] {
  const isGood = !reload || reload.problems.length === 0
  return [
    gauge('tributary_last_reload_successful', isGood ? 1 : 0),
    gauge('tributary_last_reload_timestamp_seconds', reload ? [{ labels: {}, value: reload.at / 1000 }] : []),
  ]
}

function memoryLimit({ memory }: MetricSources['runtime']): readonly Family[] {
  const { limitBytes } = memory()
  return Number.isFinite(limitBytes) ? [gauge('tributary_memory_limit_bytes', limitBytes)] : []
}

/** Counts the values by their labels. */
function countBy<Value>(values: readonly Value[], labelsOf: (value: Value) => Sample['labels']): readonly Sample[] {
  const counts = new Map<string, { readonly labels: Sample['labels']; value: number }>()
  for (const value of values) {
    const labels = labelsOf(value)
    const key = Object.values(labels).join('\n')
    const known = counts.get(key) ?? { labels, value: 0 }
    known.value++
    counts.set(key, known)
  }
  return [...counts.values()]
}
