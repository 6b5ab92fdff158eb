/** schemathesis asks every route of `openapi.json` with right and wrong requests, and compares the answers with the document. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { providers } from '../../src/providers/index.ts'
import { key, startApp } from '../attacks/rig.ts'
import { hasPython, installPython, pythonCommand } from '../python/python.ts'

/** A whole run tries the limits of each value too, and takes minutes. */
const isFull = process.env.TRIBUTARY_TEST_FULL === '1'
const phases = isFull ? ['--phases', 'coverage,fuzzing', '-n', '50'] : ['--phases', 'fuzzing', '-n', '3']
/** The first never ends, and the second starts another process. */
const left = 'admin/(events|restart)$'

test.skipIf(!hasPython)(
  'every answer is as openapi.json says, and every wrong request is refused',
  async () => {
    await installPython()
    const emulated = await Promise.all(providers.map((provider) => provider.emulate()))
    const theirs = Object.fromEntries(emulated.flatMap(({ variables }) => Object.entries(variables)))
    await using app = startApp({ ...theirs, API_MASTER_KEY: key, TRUSTED_PROXIES: 'loopback' })
    const child = Bun.spawn(
      [
        ...[
          pythonCommand('st'),
          '--config-file',
          'schemathesis.toml',
          'run',
          join(import.meta.dir, '../../openapi.json'),
        ],
        ...['-u', app.url, '-H', `Authorization: Bearer ${key}`, '--exclude-path-regex', left, '--no-color', ...phases],
      ],
      {
        cwd: import.meta.dir,
        env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PYTHONPATH: '.' },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      },
    )
    const [said, code] = await Promise.all([child.stdout.text(), child.exited])
    expect(code === 0 ? '' : said).toBe('')
    expect(said).toMatch(/\b[1-9]\d+ generated/)
    for (const { close } of emulated) await close()
  },
  isFull ? 3_600_000 : 300_000,
)
