import type { EndedRenewal } from '../accounts/live-account.ts'
import type { Drift } from '../chat/drift.ts'
import type { StoreOperation } from '../state/observe-store.ts'
import type { ToolRunListener } from '../tools/observe-tools.ts'
import { counter, type Family, gauge, histogram } from './family.ts'
import { Histogram } from './histogram.ts'
import { Rows } from './rows.ts'

const count = () => ({ count: 0 })

/** Limit for the rows of tools, whose names the tool servers choose. */
const maxTools = 250
const maxUpstreams = 500

/** The upper bounds of the operations of a store, in seconds: one in memory takes microseconds, one over a network milliseconds. */
const storeBounds = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** The upper bounds of how late the event loop is, in seconds. */
const delayBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** Counts what happens beside calls: tools, the store, renewals, drifts and the event loop. */
export class PartMetrics {
  readonly #toolCalls = new Rows({ labels: ['server', 'tool', 'outcome'], max: maxTools, create: count })
  readonly #toolTimes = new Rows({ labels: ['gen_ai_tool_name'], max: maxTools, create: () => new Histogram() })
  #runningTools = 0
  readonly #operations = new Rows({
    labels: ['operation'],
    max: maxTools,
    create: () => new Histogram(storeBounds),
  })
  readonly #failures = new Rows({ labels: ['operation', 'outcome'], max: maxTools, create: count })
  readonly #renewals = new Rows({ labels: ['upstream', 'outcome'], max: maxUpstreams, create: count })
  readonly #drifts = new Rows({ labels: ['upstream', 'kind'], max: maxUpstreams, create: count })
  readonly #delay = new Histogram(delayBounds)

  readonly onToolRun: ToolRunListener = ({ tool, server }) => {
    this.#runningTools++
    return ({ outcome, durationMs }) => {
      this.#runningTools--
      this.#toolCalls.of(server, tool, outcome).count++
      this.#toolTimes.of(tool).observe(durationMs / 1000)
    }
  }

  readonly onStoreOperation = ({ name, outcome, durationMs }: StoreOperation): void => {
    this.#operations.of(name).observe(durationMs / 1000)
    if (outcome !== 'ok') this.#failures.of(name, outcome).count++
  }

  readonly onRenewal = ({ upstream, outcome }: EndedRenewal): void => {
    this.#renewals.of(upstream, outcome).count++
  }

  readonly onDrift = (upstream: string, { kind }: Drift): void => {
    this.#drifts.of(upstream, kind).count++
  }

  readonly onLoopDelay = (ms: number): void => this.#delay.observe(Math.max(0, ms) / 1000)

  families(): readonly Family[] {
    return [
      counter('tributary_tool_calls', this.#toolCalls),
      histogram('gen_ai_execute_tool_duration_seconds', this.#toolTimes.all),
      gauge('tributary_running_tools', this.#runningTools),
      histogram('tributary_store_operation_duration_seconds', this.#operations.all),
      counter('tributary_store_failures', this.#failures),
      counter('tributary_renewals', this.#renewals),
      counter('tributary_upstream_drifts', this.#drifts),
      histogram('tributary_event_loop_delay_seconds', [{ labels: {}, row: this.#delay }]),
    ]
  }
}
