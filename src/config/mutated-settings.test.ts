/** P28: a mutated configuration is accepted or refused with its variables, always in the same way, and never shows a value. */
import { expect, test } from 'bun:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { readConfig } from './config.ts'

const example = await Bun.file(new URL('../../.env.example', import.meta.url)).text()
const settings = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, name = '', value = '']) => ({
  name,
  value,
}))
const canary = 'cAnArY7'

/** Mutations of a value. Each that is not a number or empty has the canary. */
const mutations: readonly ((value: string) => string)[] = [
  () => '',
  () => '-1',
  () => '1e99',
  () => 'NaN',
  () => '99999999999999999999',
  () => `${canary} with space`,
  () => `${canary}\u0000`,
  () => `ftp://${canary}:${canary}@host`,
  () => `{"${canary}":`,
  () => `= > | + ( ${canary}`,
  (value) => `${value}${canary}`,
  (value) => `${canary}${value}`,
  (value) => `${value};${value},${canary}`,
  () => canary.repeat(2_000),
]

const few = fc
  .array(fc.record({ setting: fc.constantFrom(...settings), mutation: fc.constantFrom(...mutations) }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((changes) =>
    Object.fromEntries(changes.map(({ setting: { name, value }, mutation }) => [name, mutation(value)])),
  )

/** Reads a configuration twice. @returns its variables with a problem */
function checkRefusal(variables: Readonly<Record<string, string>>): readonly string[] {
  const read = () => readConfig({ HOST: '127.0.0.1', ...variables }, false)
  const config = read()
  if (!('problems' in config)) return []
  for (const { variable, problem, remedy } of config.problems) {
    expect([variable !== '', problem !== '', remedy !== '']).toEqual([true, true, true])
    expect(`${variable} ${problem}: ${remedy}`).not.toContain('\n')
  }
  // the text of a route is no secret, and its problem points at a place in it
  const shown = inspect(config.problems.filter(({ variable }) => variable !== 'ROUTES'))
  expect(shown).not.toContain(canary)
  expect(inspect(read(), { depth: 9 })).toBe(inspect(config, { depth: 9 }))
  return config.problems.map(({ variable }) => variable)
}

test('P28: every setting is read with every mutation', () => {
  const refused = mutations.flatMap((_, shift) => {
    const mutated = settings.map(({ name, value }, at) => [
      name,
      mutations[(at + shift) % mutations.length]?.(value) ?? '',
    ])
    return checkRefusal(Object.fromEntries(mutated))
  })
  expect(settings.length).toBeGreaterThan(100)
  expect(new Set(refused).size).toBeGreaterThan(80)
})

test('P28: 200 configurations with a few mutations', () => {
  let refused = 0
  const check = (variables: Readonly<Record<string, string>>) => {
    if (checkRefusal(variables).length > 0) refused++
  }
  fc.assert(fc.property(few, check), { numRuns: 200 })
  expect(refused).toBeGreaterThan(50)
})
