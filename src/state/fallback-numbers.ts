import type { LeaseClaim, WriteOptions } from './store.ts'

/** Versions and fences of values in memory begin here, above all that a storage gives. */
export const memoryBase = 2 ** 52

export type CompareOptions = WriteOptions & { readonly lease?: LeaseClaim }

/** The options for a write to the storage, which knows no lease of the memory. */
export function forStorage({ lease, ...rest }: CompareOptions): CompareOptions {
  return lease && lease.fence < memoryBase ? { ...rest, lease } : rest
}

/** The options for a write to the memory, which knows no lease of the storage. */
export function forMemory({ lease, ...rest }: CompareOptions): CompareOptions {
  return lease && lease.fence >= memoryBase ? { ...rest, lease: { ...lease, fence: lease.fence - memoryBase } } : rest
}
