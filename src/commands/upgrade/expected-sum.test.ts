import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectedSum } from './expected-sum.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-sums-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = join(folder, 'tributary-linux-x64')
const right = 'ab'.repeat(32)
const wrong = 'cd'.repeat(32)

/** Finds the sum in a list with this text. */
function sumIn(text: string): unknown {
  writeFileSync(join(folder, 'SHA256SUMS'), text)
  return expectedSum(file, undefined)
}

test.each([
  ['two blanks', `${wrong}  another\n${right}  tributary-linux-x64\n`],
  ['a star', `${right} *tributary-linux-x64\n`],
  ['ends of lines of Windows', `${wrong}  another\r\n${right}  tributary-linux-x64\r\n`],
  ['capitals, after a byte order mark', `\ufeff${right.toUpperCase()}  tributary-linux-x64\n`],
  ['a folder', `${right}  ./dist/tributary-linux-x64\n`],
  ['the form of --tag', `SHA256 (another) = ${wrong}\nSHA256 (tributary-linux-x64) = ${right}\n`],
  ['the same sum twice', `${right}  tributary-linux-x64\n${right} *tributary-linux-x64\n`],
  ['a sum alone', `${right}\r\n`],
])('a list with %s', (_, text) => expect(sumIn(text)).toEqual({ sum: right }))

test.each([
  ['another file', `${right}  another\n`, 'does not name the file'],
  ['two sums for the file', `${right}  tributary-linux-x64\n${wrong}  tributary-linux-x64\n`, 'several sums'],
  ['a sum alone among others', `${wrong}\n${right}  another\n`, 'does not name the file'],
])('a list with %s is refused', (_, text, why) => expect(sumIn(text)).toContain(why))

test('a given sum wins, and must have its form', () => {
  expect(expectedSum(file, right.toUpperCase())).toEqual({ sum: right })
  expect(expectedSum(file, 'ab')).toContain('64 hexadecimal digits')
})
