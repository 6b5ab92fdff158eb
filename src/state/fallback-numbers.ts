import type { LeaseClaim, WriteOptions } from './store.ts'

/** Versions and fences in memory begin at this number, which no version or fence of a storage reaches. */
export const memoryBase = 2 ** 52

export type CompareOptions = WriteOptions & { readonly lease?: LeaseClaim }

/**
 * The options for a write to the storage. A lease that was taken in memory is left out, because the storage does not
 * know it.
 */
export function forStorage({ lease, ...rest }: CompareOptions): CompareOptions {
  return lease && lease.fence < memoryBase ? { ...rest, lease } : rest
}

/** The options for a write to the memory. A lease that was taken in the storage is left out. */
export function forMemory({ lease, ...rest }: CompareOptions): CompareOptions {
  return lease && lease.fence >= memoryBase ? { ...rest, lease: { ...lease, fence: lease.fence - memoryBase } } : rest
}
