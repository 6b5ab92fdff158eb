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

type Visit = (...args: readonly unknown[]) => unknown

/**
 * How many elements of lists were visited, by any method that takes a function. Work that is linear visits twice as many for
 * twice the input; work that searches a list for each event visits four times as many.
 */
export function countVisits(run: () => void): number {
  let visits = 0
  const restore = visiting.map((name) => {
    const own: unknown = Reflect.get(Array.prototype, name)
    if (typeof own !== 'function') throw new Error(`There is no ${name}.`)
    const counting = function (this: unknown, visit: Visit, ...rest: readonly unknown[]): unknown {
      const counted: Visit = (...args) => {
        visits++
        return visit(...args)
      }
      return Reflect.apply(own, this, [counted, ...rest])
    }
    Object.defineProperty(Array.prototype, name, { value: counting, configurable: true, writable: true })
    return () => Object.defineProperty(Array.prototype, name, { value: own, configurable: true, writable: true })
  })
  try {
    run()
  } finally {
    for (const put of restore) put()
  }
  return visits
}
