import type { Histogram } from './histogram.ts'
import { type MetricName, metricHelp } from './names.ts'
import type { Rows } from './rows.ts'

export type Labels = Readonly<Record<string, string>>

/** One number of a family. */
export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** Of a histogram: the family's name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string
}

/** A metric with all its label values, as it is at the moment. It may be sent between processes as JSON. */
export interface Family {
  /** Of a counter without `_total`, which is added where it is written. */
  readonly name: MetricName
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly Sample[]
}

/** A counter with a number for each row, or with one number. */
export function counter(name: MetricName, counted: Pick<Rows<{ readonly count: number }>, 'all'> | number): Family {
  if (typeof counted === 'number') return familyOf('counter', name, [{ labels: {}, value: counted }])
  return familyOf(
    'counter',
    name,
    counted.all.map(({ labels, row }) => ({ labels, value: row.count })),
  )
}

/** A counter with these numbers. */
export function counters(name: MetricName, values: readonly Sample[]): Family {
  return familyOf('counter', name, values)
}

/** A gauge with these numbers, or with one number. */
export function gauge(name: MetricName, values: readonly Sample[] | number): Family {
  return familyOf('gauge', name, typeof values === 'number' ? [{ labels: {}, value: values }] : values)
}

/** A row with a histogram, and its labels. */
export interface HistogramRow {
  readonly labels: Labels
  readonly row: Histogram
}

/** A histogram for each row. */
export function histogram(name: MetricName, rows: readonly HistogramRow[]): Family {
  return familyOf(
    'histogram',
    name,
    rows.flatMap(({ labels, row }) => row.samples(name, labels)),
  )
}

function familyOf(type: Family['type'], name: MetricName, values: readonly Sample[]): Family {
  return { name, help: metricHelp[name], type, values }
}
