import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readConfig } from '../config/config.ts'
import { readKey } from '../keys/named-key.ts'
import { importOneApi } from './one-api.ts'

const channel = { id: 1, type: 1, status: 1, name: 'main', key: 'sk-one-0123456789', models: 'gpt-5,gpt-5-mini' }
const channels = [
  { ...channel, priority: 10 },
  {
    ...channel,
    id: 2,
    type: 8,
    name: 'own',
    base_url: 'https://llm.example.org',
    key: 'key-a-0123456789',
    models: 'gpt-5',
  },
  { ...channel, id: 3, type: 14, name: 'claude', key: 'sk-ant-a-0123456789\nsk-ant-b-0123456789', models: 'claude-x' },
  { ...channel, id: 4, type: 17, name: 'qwen', models: 'qwen', model_mapping: '{"qwen": "qwen-max"}', group: 'vip' },
  { ...channel, id: 5, status: 2 },
  { ...channel, id: 6, type: 33, name: 'aws' },
]
const token = {
  id: 1,
  user_id: 1,
  status: 1,
  name: 'my phone',
  key: 'a'.repeat(48),
  unlimited_quota: 1,
  expired_time: -1,
}
const tokens = [
  token,
  { ...token, id: 2, key: 'b'.repeat(48), unlimited_quota: 0, remain_quota: 2_500_000, expired_time: 1_900_000_000 },
  { ...token, id: 3, key: 'c'.repeat(48), models: 'gpt-5,claude-x', subnet: '10.0.0.0/8', user_id: 9 },
  { ...token, id: 4, status: 2 },
]
const users = [
  { id: 1, username: 'root', status: 1 },
  { id: 9, username: '', status: 1 },
]
const nowMs = Date.UTC(2026, 10, 30)

test('channels become upstreams, and models that several have a route', () => {
  const { variables, findings } = importOneApi({ channels, tokens: [], users }, nowMs)
  expect(Object.fromEntries(variables)).toEqual({
    OPENAI_API_KEY: 'sk-one-0123456789',
    UPSTREAM_EXAMPLE_URL: 'https://llm.example.org/v1',
    UPSTREAM_EXAMPLE_MODELS: 'gpt-5',
    UPSTREAM_EXAMPLE_KEY: 'key-a-0123456789',
    ANTHROPIC_API_KEY: 'sk-ant-a-0123456789',
    ANTHROPIC_API_KEY_2: 'sk-ant-b-0123456789',
    UPSTREAM_QWEN_URL: 'https://dashscope.aliyuncs.com/compatible-mode/v1',
    UPSTREAM_QWEN_MODELS: 'qwen-max',
    UPSTREAM_QWEN_KEY: 'sk-one-0123456789',
    ALIASES: 'gpt-5-mini = openai/gpt-5-mini; claude-x = anthropic/claude-x; qwen = qwen/qwen-max',
    ROUTES: 'gpt-5 = openai/gpt-5 > example/gpt-5',
  })
  expect(findings.map(({ place }) => place)).toEqual(['channels 4 (qwen)', 'channels 5 (main)', 'channels 6 (aws)'])
  const config = readConfig(Object.fromEntries(variables), false)
  expect('problems' in config ? config.problems : []).toEqual([])
})

test('tokens become client keys that go on working, with what is left of their budget', () => {
  const { keys, findings } = importOneApi({ channels: [], tokens, users }, nowMs)
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  expect(keys).toEqual([
    { name: 'root.my-phone', hash: hash(`sk-${'a'.repeat(48)}`) },
    {
      name: 'root.my-phone-2',
      hash: hash(`sk-${'b'.repeat(48)}`),
      budget: '5.00 USD',
      expires: '2030-03-17T17:46:40.000Z',
    },
    { name: 'my-phone', hash: hash(`sk-${'c'.repeat(48)}`), models: ['gpt-5', 'claude-x'] },
  ])
  for (const key of keys) expect(readKey(key).hash).toBe(key.hash)
  expect(findings.map(({ place }) => place)).toEqual(['tokens 3 (my phone)', 'tokens 4 (my phone)'])
})

test('a token that does not work there does not work here', () => {
  const others = [
    { id: 2, username: 'off', status: 2 },
    { id: 3, username: 'gone', status: 1, deleted_at: '2026-01-01 00:00:00' },
  ]
  const refused = [
    { deleted_at: '2026-01-01 00:00:00' },
    { user_id: 2 },
    { user_id: 3 },
    { user_id: 99 },
    { expired_time: nowMs / 1_000 - 1 },
    { unlimited_quota: 0, remain_quota: 0 },
    { unlimited_quota: 0, remain_quota: 'none' },
    { model_limits_enabled: 1, model_limits: '' },
    { key: null },
  ]
  const given = refused.map((own, at) => ({ ...token, id: at, ...own }))
  const { keys, findings } = importOneApi({ channels: [], tokens: given, users: [...users, ...others] }, nowMs)
  expect(keys).toEqual([])
  expect(findings).toHaveLength(refused.length)
  const endless = { ...token, expired_time: 9e15 }
  expect(importOneApi({ channels: [], tokens: [endless], users }, nowMs).keys).toHaveLength(1)
})

test('a channel with odd values stops nothing, and what is left over is named', () => {
  const odd = {
    ...{
      ...channel,
      models: 'constructor,__proto__,two words,\u001b[2Jm,gpt-5',
      model_mapping: 'no JSON',
      priority: 'high',
    },
    ...{ param_override: '{"temperature":0}', header_override: '{}', setting: '{"proxy":"http://u:word@p"}' },
  }
  const { variables, findings } = importOneApi({ channels: [odd], tokens: [], users }, nowMs)
  expect(Object.fromEntries(variables).ALIASES).toBe(
    'constructor = openai/constructor; __proto__ = openai/__proto__; gpt-5 = openai/gpt-5',
  )
  expect(findings.map(({ place }) => place)).toEqual([
    'channels 1 (main).param_override',
    'channels 1 (main).setting',
    ...Array.from({ length: 3 }, () => 'channels 1 (main)'),
  ])
  expect(JSON.stringify(findings)).not.toContain('word@')
})
