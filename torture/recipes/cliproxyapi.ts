import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { surfaces } from '../talk/surface.ts'
import { findProgram, namedVersion } from './find-program.ts'
import { startProgram } from './program.ts'
import type { Recipe } from './recipe.ts'

const needs = 'the program of github.com/router-for-me/CLIProxyAPI (go build ./cmd/server)'
const key = 'sk-torture-cliproxyapi-0123456789'
const upstreamKey = 'sk-test-upstream-0123456789'

const configuration = (port: number, upstreamPort: number, folder: string) => ({
  ...{ host: '127.0.0.1', port, 'auth-dir': folder, 'api-keys': [key], 'request-retry': 0 },
  // it must not rest the only upstream after what our scripts do
  'disable-cooling': true,
  'remote-management': { 'disable-control-panel': true },
  'openai-compatibility': [
    {
      name: 'torture',
      'base-url': `http://127.0.0.1:${upstreamPort}/v1`,
      'api-key-entries': [{ 'api-key': upstreamKey }],
      models: ['torture-chat', 'torture-responses'].map((name) => ({ name, alias: name })),
    },
  ],
  'claude-api-key': [
    {
      'api-key': upstreamKey,
      'base-url': `http://127.0.0.1:${upstreamPort}`,
      models: [{ name: 'torture-messages', alias: 'torture-messages' }],
    },
  ],
})

export const cliproxyapi: Recipe = {
  name: 'cliproxyapi',
  needs,
  async start({ upstreamPort, port, folder }) {
    const command = findProgram('cliproxyapi', needs)
    const file = join(folder, 'config.yaml')
    // JSON is YAML too
    await writeFile(file, JSON.stringify(configuration(port, upstreamPort, folder)))
    const url = `http://127.0.0.1:${port}`
    const program = await startProgram({
      command: [...command, '-config', file, '-local-model'],
      ...{ folder, readyUrl: url, environment: {} },
    })
    const lanes = [
      ...surfaces.map((surface) => ({ name: surface, surface, model: `torture-${surface}` })),
      { name: 'messages over chat', surface: 'messages' as const, model: 'torture-chat' },
      { name: 'chat over messages', surface: 'chat' as const, model: 'torture-messages' },
    ]
    const version = namedVersion('cliproxyapi') ?? 'unknown'
    return { target: { url, key, lanes, pid: program.pid }, version, stop: () => program.stop() }
  },
}
