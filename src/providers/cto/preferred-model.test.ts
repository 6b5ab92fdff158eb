import { expect, test } from 'bun:test'
import type { Cancel } from '../../flow/cancel.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { PreferredModel } from './preferred-model.ts'

const signal = newCancel()

/** Enters the lane, and records the model after the entry. */
function enter(lane: PreferredModel, model: string, inside: string[], by: Cancel = signal) {
  return lane.enter(model, by).then((leave) => {
    inside.push(model)
    return leave
  })
}

const pendingWork = () => Bun.sleep(1)

test('requests for one model run together, and those for another model wait', async () => {
  const lane = new PreferredModel()
  const inside: string[] = []
  const [one, two] = await Promise.all([enter(lane, 'a', inside), enter(lane, 'a', inside)])
  const other = enter(lane, 'b', inside)
  // it must not overtake the waiting request
  const late = enter(lane, 'a', inside)
  await pendingWork()
  expect(inside).toEqual(['a', 'a'])
  one()
  one()
  await pendingWork()
  expect(inside).toEqual(['a', 'a'])
  two()
  const leaveOther = await other
  await pendingWork()
  expect(inside).toEqual(['a', 'a', 'b'])
  leaveOther()
  await late
  expect(inside).toEqual(['a', 'a', 'b', 'a'])
})

test('waiting requests with the same model as the next one run together with it', async () => {
  const lane = new PreferredModel()
  const inside: string[] = []
  const leave = await enter(lane, 'a', inside)
  const rest = [enter(lane, 'b', inside), enter(lane, 'b', inside), enter(lane, 'c', inside)]
  leave()
  await pendingWork()
  expect(inside).toEqual(['a', 'b', 'b'])
  for (const next of rest.slice(0, 2)) (await next)()
  await rest[2]
  expect(inside).toEqual(['a', 'b', 'b', 'c'])
})

test('a waiting request that is aborted blocks no other', async () => {
  const lane = new PreferredModel()
  const inside: string[] = []
  const controller = newCancel()
  const leave = await enter(lane, 'a', inside)
  const gone = enter(lane, 'b', inside, controller)
  const next = enter(lane, 'a', inside)
  controller.abort(new Error('left'))
  await expect(gone).rejects.toThrow('left')
  // no request with another model waits before it any more
  await next
  leave()
  expect(inside).toEqual(['a', 'a'])
  expect(controller.followers).toBe(0)
  await expect(lane.enter('a', controller)).rejects.toThrow('left')
})
