import { memory } from './memory/memory-place.ts'
import { sqlite } from './sqlite/sqlite-place.ts'
import type { StoreKind } from './state-place.ts'

/** Every kind of storage there is. The first that knows a `STATE_URL` has it. */
export const storeKinds: readonly StoreKind[] = [memory, sqlite]
