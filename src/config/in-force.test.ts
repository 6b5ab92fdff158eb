import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { readConfig } from './config.ts'
import { settingsInForce } from './in-force.ts'

const documentText = await Bun.file(join(import.meta.dir, '../../docs/settings.md')).text()

/** The gateway's own variables in docs/settings.md that have a default. Those of traces have one only if traces are on. */
function withDefaults(): string[] {
  const sections = documentText
    .split(/^(?=## )/m)
    .filter((section) => !/^## (Upstreams|Web products|Network|Traces)/.test(section))
  const rows = sections.flatMap((section) => section.split('\n')).filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) => {
    const [, names = '', written = ''] = row.split('|')
    return written.trim().startsWith('–') ? [] : [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '')
  })
}

test('every setting of the gateway that has a default is shown', () => {
  const config = readConfig({}, false)
  if ('problems' in config) throw new Error('misconfigured')
  const shown = settingsInForce(config).map(({ name }) => name)
  expect(withDefaults().length).toBeGreaterThan(20)
  expect(shown).toEqual(expect.arrayContaining([...withDefaults(), 'TRUSTED_PROXIES', 'ROUTES', 'MCP_SERVERS']))
})
