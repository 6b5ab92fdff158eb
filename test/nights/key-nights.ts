import { expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StatingUpstream } from '../usage-rig.ts'
import { ask, clientKey, folderFor, type Night, nightKey, open, type StagedNight, type Variables } from './rig.ts'

/** A file of one client key, which has these settings. */
async function withKey(settings: object, variables: Variables, also: readonly (() => unknown)[] = []) {
  const folder = folderFor('keys')
  const file = join(folder.path, 'keys.json')
  writeFileSync(file, JSON.stringify({ keys: [{ name: 'bench', key: clientKey, ...settings }] }), { mode: 0o600 })
  return open({ API_KEYS_FILE: file, ...variables }, { also: [...also, folder.remove] })
}

async function spending(budget: string): Promise<StagedNight> {
  const upstream = new StatingUpstream()
  const night = await withKey({ budget }, { UPSTREAM_LAB_URL: upstream.url }, [() => upstream.close()])
  // each answer states 40 tokens
  for (let time = 0; time < 3; time++) await ask(night, 'lab/m', {}, clientKey)
  return night
}

/** Nights on which the keys of clients, or the lack of one, need somebody. */
export const keyNights: readonly Night[] = [
  {
    name: 'a client has spent its budget',
    kind: 'budget_spent',
    severity: 'urgent',
    need: { key: 'bench', until: expect.stringContaining('T') },
    stage: () => spending('100 tokens/day'),
  },
  {
    name: 'a client has nearly spent its budget',
    kind: 'budget_near',
    severity: 'warning',
    need: {
      key: 'bench',
      facts: {
        used: 120,
        amount: 140,
        unit: 'tokens',
        period: 'month',
        percent: 85,
        resets_at: expect.stringContaining('T'),
      },
    },
    stage: () => spending('140 tokens/month'),
  },
  {
    name: 'a client uses a key that has expired',
    kind: 'key_expired',
    severity: 'urgent',
    need: { key: 'bench', facts: { expired_at: '2020-02-01T00:00:00.000Z', refused: 2 } },
    async stage() {
      const night = await withKey({ expires: '2020-01-31' }, {})
      for (let time = 0; time < 2; time++) await ask(night, 'demo/echo', {}, clientKey)
      return night
    },
  },
  {
    name: 'a client breaks the cache of its prompts',
    kind: 'cache_broken',
    severity: 'note',
    need: {
      key: 'bench',
      request: expect.any(String),
      facts: { breaks: 3, requests: 4, where: expect.stringContaining('messages[0]') },
    },
    async stage() {
      const night = await withKey({}, {})
      const messages: object[] = [{ role: 'user', content: 'Hello' }]
      for (let turn = 0; turn < 4; turn++) {
        const clock = { role: 'system', content: `It is ${turn} o'clock.` }
        await ask(night, 'demo/echo', { messages: [clock, ...messages] }, clientKey)
        messages.push({ role: 'assistant', content: `Answer ${turn}` }, { role: 'user', content: `Question ${turn}` })
      }
      return night
    },
  },
  {
    name: 'everybody can use the gateway',
    kind: 'open_to_everyone',
    severity: 'warning',
    need: { variable: 'ALLOW_UNAUTHENTICATED' },
    stage: () => open({ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'true', API_MASTER_KEY: '' }),
  },
  {
    name: 'the master key is short',
    kind: 'weak_key',
    severity: 'warning',
    need: { variable: 'API_MASTER_KEY' },
    stage: () => open({ API_MASTER_KEY: `${nightKey},short-key` }),
  },
]
