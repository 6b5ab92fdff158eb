import { expect, test } from 'bun:test'
import manifest from '../package.json'
import { closure, readLockfile } from './lockfile.ts'
import { installedAt } from './notices.ts'
import { targets } from './targets.ts'

const hash = `sha512-${Buffer.from('ab').toString('base64')}`
const lockfile = readLockfile(`{
  "lockfileVersion": 2,
  "workspaces": { "": { "name": "a", "dependencies": { "one": "1" }, "devDependencies": { "tool": "1" } } },
  "packages": {
    "one": ["one@1.0.0", "", { "dependencies": { "@s/two": "1" }, "peerDependencies": { "peer": "1", "tool": "1" }, "optionalPeers": ["tool"] }, "${hash}"],
    "@s/two": ["@s/two@1.0.0", "", { "dependencies": { "three": "2" }, "optionalDependencies": { "of-windows": "1" } }, "${hash}"],
    "@s/two/three": ["three@2.0.0", "", {}, "${hash}"],
    "three": ["three@1.0.0", "", {}, "${hash}"],
    "peer": ["peer@1.0.0", "", { "dependencies": { "three": "1", "one": "1" } }, "${hash}"],
    "tool": ["tool@1.0.0", "", {}, "${hash}"],
  },
}`)

test('what the program needs is found through all levels, without what only its development needs', () => {
  const found = closure(lockfile, lockfile.roots)
  expect(found.map(({ place, version }) => `${place} ${version}`)).toEqual([
    '@s/two 1.0.0',
    '@s/two/three 2.0.0',
    'one 1.0.0',
    'peer 1.0.0',
    'three 1.0.0',
  ])
  expect(found[0]?.sha512).toBe('6162')
  expect(() => closure(lockfile, ['gone'])).toThrow('bun.lock has no package at gone.')
})

test('a package is found where it is installed, also below another', () => {
  expect(closure(lockfile, ['@s/two']).map(installedAt)).toEqual([
    'node_modules/@s/two',
    'node_modules/@s/two/node_modules/three',
  ])
})

test('the release is made with the Bun of the tests, on every platform', async () => {
  const { roots, packages } = readLockfile(await Bun.file('release/runtimes/bun.lock').text())
  expect([...roots].sort()).toEqual(targets.map(({ runtime }) => runtime).sort())
  expect(new Set([...packages.values()].map(({ version }) => version))).toEqual(new Set([manifest.engines.bun]))
  expect([...packages.values()].filter(({ sha512 }) => sha512.length !== 128)).toEqual([])
})
