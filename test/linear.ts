/** Methods that visit the elements of a list, some of them or all. */
const visiting = [
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'some',
  'every',
  'filter',
  'map',
  'flatMap',
  'forEach',
  'reduce',
] as const

/** Methods that compare the elements of a list with a value. */
const searching = ['includes', 'indexOf', 'lastIndexOf'] as const

type Visit = (...args: readonly unknown[]) => unknown

/**
 * Counts the elements of lists that are visited by methods that take a function or search a value. Linear work visits twice as
 * many for twice the input. Work that searches a list for each event visits four times as many.
 */
export function countVisits(run: () => void): number {
  let visits = 0
  const restoreSearching = searching.map((name) =>
    replace(
      name,
      (own) =>
        function (this: unknown, ...args: readonly unknown[]): unknown {
          if (Array.isArray(this)) visits += this.length
          return Reflect.apply(own, this, args)
        },
    ),
  )
  const restoreVisiting = visiting.map((name) =>
    replace(
      name,
      (own) =>
        function (this: unknown, visit: Visit, ...rest: readonly unknown[]): unknown {
          const counted: Visit = (...args) => {
            visits++
            return visit(...args)
          }
          return Reflect.apply(own, this, [counted, ...rest])
        },
    ),
  )
  try {
    run()
  } finally {
    for (const restore of [...restoreSearching, ...restoreVisiting]) restore()
  }
  return visits
}

type Method = (this: unknown, ...args: readonly never[]) => unknown

/** Replaces a method of lists. @returns a function that restores it */
function replace(name: string, write: (own: CallableFunction) => Method): () => void {
  const own: unknown = Reflect.get(Array.prototype, name)
  if (typeof own !== 'function') throw new Error(`There is no ${name}.`)
  const put = (value: unknown) =>
    Object.defineProperty(Array.prototype, name, { value, configurable: true, writable: true })
  put(write(own))
  return () => void put(own)
}
