import { expect, test } from 'bun:test'
import { defer } from './defer.ts'
import { ChatError } from './error.ts'
import { type EventWatcher, watch } from './watch.ts'

const cut = new ChatError('upstream-failed', { message: 'cut' })

async function* of(...items: readonly (string | Error)[]): AsyncGenerator<string> {
  for (const item of items) {
    if (item instanceof Error) throw item
    yield item
  }
}

/** A watcher that notes what it sees under its name. */
function noting(name: string, notes: string[], last?: string): EventWatcher<string> {
  let isSaid = false
  return {
    passed: (event) => void notes.push(`${name} ${event}`),
    last() {
      if (isSaid) return undefined
      isSaid = true
      return last
    },
    ended: ({ kind }) => void notes.push(`${name} ${kind}`),
  }
}

/** Watched inside and outside of a stream that is only found when it is read. */
function watchedTwice(notes: string[], ...items: readonly (string | Error)[]): AsyncIterator<string> {
  const inner = () => watch(of(...items), noting('inner', notes, 'last'))
  return watch(
    defer(async () => inner()),
    noting('outer', notes),
  )[Symbol.asyncIterator]()
}

async function drained(reader: AsyncIterator<string>): Promise<unknown[]> {
  const seen: unknown[] = []
  for (;;) {
    const step = await reader.next().catch((thrown: unknown) => thrown)
    if (step instanceof Error) return [...seen, step]
    if (typeof step !== 'object' || step === null || !('value' in step) || step.value === undefined) return seen
    seen.push(step.value)
  }
}

for (const count of [0, 1, 2, 3, 4]) {
  const items = ['a', 'b', 'c', 'd'].slice(0, count)
  const passed = items.flatMap((item) => [`inner ${item}`, `outer ${item}`])

  test(`of ${count} events each watcher sees each once, inner ones first, and the last word of those further in`, async () => {
    const notes: string[] = []
    expect(await drained(watchedTwice(notes, ...items))).toEqual([...items, 'last'])
    expect(notes).toEqual([...passed, 'inner done', 'outer last', 'outer done'])
  })

  test(`after ${count} events a failure is told once to each, and to the reader as often as it asks`, async () => {
    const notes: string[] = []
    const reader = watchedTwice(notes, ...items, cut)
    expect(await drained(reader)).toEqual([...items, 'last', cut])
    expect(await drained(reader)).toEqual([cut])
    expect(notes).toEqual([...passed, 'inner failed', 'outer last', 'outer failed'])
  })

  test(`a reader that leaves after ${count} of five events is told of once, and nothing comes any more`, async () => {
    const notes: string[] = []
    const reader = watchedTwice(notes, ...items, 'x')
    for (let read = 0; read < count; read++) await reader.next()
    await reader.return?.()
    expect(await drained(reader)).toEqual([])
    const left = [...(count > 0 ? ['inner left'] : []), 'outer left']
    expect(notes.slice(passed.length).sort()).toEqual(left)
  })
}
