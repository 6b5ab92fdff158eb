import type { StatePlace, StoreKind } from '../state-place.ts'
import { MemoryStore } from './memory-store.ts'

/** The memory of the process, which loses the state when the process ends. */
export const memoryPlace: StatePlace = {
  url: 'memory:',
  description: 'memory: lost when the process ends',
  isDurable: false,
  isShared: false,
  open: async (runtime) => new MemoryStore({ runtime }),
  inspect: async () => ({ problems: [], notes: [] }),
}

// SQLite's own name for a database in memory is accepted too
const forms = /^(memory(:(\/\/)?)?|(sqlite3?:(\/\/\/?)?)?:memory:)$/i

export const memory: StoreKind = {
  form: 'memory:',
  read: (url) => (forms.test(url) ? memoryPlace : undefined),
}
