import { expect, test } from 'bun:test'
import { openMachine } from './machine.ts'

test('the clocks of the machine go on, and its random numbers differ', () => {
  const machine = openMachine()
  expect(Math.abs(machine.now() - Date.now())).toBeLessThan(60_000)
  expect(machine.elapsed()).toBeLessThanOrEqual(machine.elapsed())
  expect(machine.random()).not.toBe(machine.random())
  expect(machine.newId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(machine.newId()).not.toBe(machine.newId())
  expect(machine.randomBytes(16)).toHaveLength(16)
  expect(machine.randomBytes(16)).not.toEqual(machine.randomBytes(16))
})

test('a real process waits for its foreground timers only', async () => {
  const run = async (script: string) => {
    const child = Bun.spawn(
      [process.execPath, '-e', `import { openMachine } from '${import.meta.dir}/machine.ts'\n${script}`],
      {
        timeout: 20_000,
        stdout: 'pipe',
      },
    )
    return [await child.exited, await child.stdout.text()]
  }
  const begun =
    "const { timers, elapsed } = openMachine(); const at = elapsed(); const say = () => console.log('fired')"
  expect(await run(`${begun}; timers.set(600_000, say).stop()`)).toEqual([0, ''])
  expect(await run(`${begun}; timers.set(600_000, say, { isBackground: true })`)).toEqual([0, ''])
  expect(await run(`${begun}; timers.set(30, () => elapsed() - at >= 30 && say())`)).toEqual([0, 'fired\n'])
})
