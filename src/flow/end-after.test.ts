import { expect, test } from 'bun:test'
import { endAfter } from './end-after.ts'
import { readAll, readyFlow, silentFlow } from './flow.double.ts'

test('the end waits until everything is written', async () => {
  const written = Promise.withResolvers<void>()
  const seen: string[] = []
  const reading = readAll(endAfter(readyFlow(['a']), () => written.promise.then(() => void seen.push('written'))))
  const read = reading.then(() => void seen.push('read'))
  written.resolve()
  await read
  expect(seen).toEqual(['written', 'read'])
})

test('nothing is written when the reader leaves, because the end was not reached', async () => {
  let writes = 0
  const flow = endAfter(silentFlow(['a']), () => {
    writes++
    return undefined
  })
  await flow.next()
  const waiting = flow.next()
  flow.close()
  expect(await waiting).toBeUndefined()
  expect(writes).toBe(0)
})
