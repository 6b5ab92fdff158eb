import type { ProcessUse } from '../wire/process-use.ts'
import { counter, type Family, gauge } from './family.ts'
import type { MetricName } from './names.ts'

/** @param startedAt milliseconds since 1970 */
export function processFamilies(used: ProcessUse | undefined, startedAt: number): readonly Family[] {
  const start = gauge('process_start_time_seconds', startedAt / 1000)
  if (!used) return [start]
  const known = (name: MetricName, value: number | undefined) => (value === undefined ? [] : [gauge(name, value)])
  return [
    start,
    counter('process_cpu_seconds', used.cpuSeconds),
    gauge('process_resident_memory_bytes', used.residentBytes),
    ...known('process_virtual_memory_bytes', used.virtualBytes),
    ...known('process_open_fds', used.openDescriptors),
    ...known('process_max_fds', used.maxDescriptors),
    gauge('tributary_heap_size_bytes', used.heapBytes),
    gauge('tributary_heap_capacity_bytes', used.heapCapacityBytes),
    gauge('tributary_external_memory_bytes', used.externalBytes),
    counter('tributary_garbage_collections', used.collections),
  ]
}
