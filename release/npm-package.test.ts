import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmod, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import manifest from '../package.json'
import { findNode } from '../test/find-node.ts'
import { npmManifest, packNpmPackage } from './npm-package.ts'

// the package with a small program in place of the bundle
let folder = ''
const node = findNode() ?? 'there is no Node here'
const bunHere = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`
const program = `
if (process.argv[2] === 'wait') {
  process.on('SIGTERM', () => process.exit(7))
  console.log('waiting')
  setInterval(() => {}, 1000)
} else console.log(JSON.stringify({ bun: process.versions.bun, words: process.argv.slice(2), env: process.env.FROM_DOTENV ?? null }))`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-npm-'))
  for (const path of ['bin', 'lib', `node_modules/${bunHere}/bin`]) await mkdir(join(folder, path), { recursive: true })
  await cp('release/npm/launch.js', join(folder, 'bin/tributary.js'))
  await chmod(join(folder, 'bin/tributary.js'), 0o755)
  await Bun.write(join(folder, 'package.json'), JSON.stringify(npmManifest('tributary')))
  await Bun.write(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'none')
  await Bun.write(join(folder, 'lib/main.js'), program)
  await Bun.write(join(folder, 'lib/no-settings.toml'), '')
  await symlink(process.execPath, join(folder, `node_modules/${bunHere}/bin/bun`))
  // files that Bun would read by itself where the user is
  await Bun.write(join(folder, 'user/.env'), 'FROM_DOTENV=read')
  await Bun.write(join(folder, 'user/bunfig.toml'), 'preload = ["./preload.ts"]')
  await Bun.write(join(folder, 'user/preload.ts'), 'console.log("a preload ran")')
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function launch(runner: string, ...words: string[]) {
  return Bun.spawn(
    [runner, ...(runner === node ? [] : ['--no-env-file', '--config=/dev/null']), '../bin/tributary.js', ...words],
    {
      cwd: join(folder, 'user'),
      env: { PATH: '/usr/bin:/bin' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
}

describe('the package for npm', () => {
  test('has nothing that the linter of packages complains of', async () => {
    const { messages } = await publint({ pkgDir: folder, strict: true, pack: false })
    expect(messages.map(({ code, type }) => `${type} ${code}`)).toEqual([])
  })

  test('has every file after it is packed', async () => {
    const tarball = join(folder, 'user/packed.tgz')
    await packNpmPackage(folder, tarball)
    const packed = [...(await new Bun.Archive(await Bun.file(tarball).bytes()).files()).keys()].sort()
    expect(packed).toEqual(
      ['THIRD-PARTY-NOTICES.txt', 'bin/tributary.js', 'lib/main.js', 'lib/no-settings.toml', 'package.json'].map(
        (path) => `package/${path}`,
      ),
    )
  })

  test('runs in the Bun of the tests, which npm gets for each platform', () => {
    const { optionalDependencies, bin, version } = npmManifest('@me/tributary')
    expect(new Set(Object.values(optionalDependencies))).toEqual(new Set([manifest.engines.bun]))
    expect({ bin, version }).toEqual({ bin: { tributary: 'bin/tributary.js' }, version: manifest.version })
  })

  for (const [name, runner] of [
    ['Node', node],
    ['Bun', process.execPath],
  ] as const)
    test(`started by ${name}, runs in Bun and reads neither .env nor bunfig.toml of the folder`, async () => {
      const child = launch(runner, 'check', '--json')
      const said = await child.stdout.text()
      expect({ said: JSON.parse(said), complaints: await child.stderr.text() }).toEqual({
        said: { bun: manifest.engines.bun, words: ['check', '--json'], env: null },
        complaints: '',
      })
    })

  test('passes a signal on, and ends as the program does', async () => {
    const child = launch(node, 'wait')
    for await (const bytes of child.stdout) if (Buffer.from(bytes).toString().includes('waiting')) break
    child.kill('SIGTERM')
    expect(await child.exited).toBe(7)
  })

  test('says what to do where its Bun is missing', async () => {
    await rm(join(folder, 'node_modules'), { recursive: true })
    const child = launch(node, 'version')
    expect(await child.exited).toBe(1)
    expect(await child.stderr.text()).toContain(
      `tributary needs the package ${bunHere}@${manifest.engines.bun}, which is not installed.`,
    )
  })
})
