import { expect, test } from 'bun:test'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { billOfMaterials, type Materials } from './bill-of-materials.ts'
import { closure, readLockfile } from './lockfile.ts'
import { targets } from './targets.ts'

const lockfile = readLockfile(await Bun.file('bun.lock').text())
const runtimes = readLockfile(await Bun.file('release/runtimes/bun.lock').text())
const materials: Materials = {
  name: 'tributary',
  version: '0.1.0',
  license: 'Apache-2.0',
  committedAt: new Date(0),
  packages: closure(lockfile, lockfile.roots),
  roots: lockfile.roots,
  runtimes: closure(runtimes, runtimes.roots),
  files: targets.map(({ file, runtime }) => ({ name: file, sha256: 'a'.repeat(64), runtime })),
  licenseOf: ({ name }) => (name === 'zod' ? '(MIT OR CC0-1.0)' : name === 'ws' ? 'as the file says' : 'MIT'),
}

test('the bill of materials is CycloneDX 1.6, as its strict schema has it', async () => {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)
  const text = JSON.stringify(billOfMaterials(materials))
  expect(await validator.validate(text)).toBeNull()
  expect(await validator.validate(text.replace('"bomFormat"', '"bomForm"'))).not.toBeNull()
})

test('the bill of materials is the same for the same source, and has another number for another', () => {
  expect(billOfMaterials(materials)).toEqual(billOfMaterials(materials))
  const { committedAt, ...untimed } = materials
  expect(JSON.stringify(billOfMaterials(untimed))).not.toContain('timestamp')
  const number = (bill: object) => /urn:uuid:([0-9a-f-]+)/.exec(JSON.stringify(bill))?.[1]
  expect(number(billOfMaterials(materials))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(number(billOfMaterials(untimed))).not.toBe(number(billOfMaterials(materials)))
})

test('each executable names the Bun that is in it, and each reference has its component', () => {
  const text = JSON.stringify(billOfMaterials(materials))
  const known = new Set([...text.matchAll(/"bom-ref":"([^"]+)"/g)].map(([, ref]) => ref))
  const lists = [...text.matchAll(/"ref":"([^"]+)","dependsOn":\[([^\]]*)\]/g)].map(
    ([, ref = '', on = '']) => [ref, [...on.matchAll(/"([^"]+)"/g)].map(([, name]) => name)] as const,
  )
  expect(lists.flatMap(([ref, on]) => [ref, ...on]).filter((ref) => !known.has(ref))).toEqual([])
  expect(Object.fromEntries(lists)['tributary-linux-arm64-musl']).toEqual([
    'tributary',
    'pkg:npm/%40oven/bun-linux-aarch64-musl@1.4.5',
  ])
})
