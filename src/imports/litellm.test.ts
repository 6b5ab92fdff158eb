import { expect, test } from 'bun:test'
import { readConfig } from '../config/config.ts'
import { importLitellm } from './litellm.ts'

const yaml = `
model_list:
  - model_name: fast
    litellm_params: { model: groq/llama-3.3-70b-versatile, api_key: os.environ/GROQ_API_KEY }
  - model_name: gpt-5
    litellm_params: { model: openai/gpt-5, api_key: sk-one-0123456789, weight: 3, rpm: 60 }
  - model_name: gpt-5
    litellm_params:
      model: azure/my-gpt-5
      api_base: https://lab.openai.azure.com/
      api_key: os.environ/AZURE_KEY
      api_version: "2025-01-01"
      weight: 1
  - model_name: claude
    litellm_params: { model: claude-sonnet-4-5, api_key: sk-ant-0123456789, timeout: 30 }
  - model_name: local
    litellm_params: { model: hosted_vllm/qwen, api_base: "http://127.0.0.1:8001/v1" }
  - model_name: bed
    litellm_params: { model: bedrock/anthropic.claude }
  - model_name: "bad name"
    litellm_params: { model: openai/gpt-5-mini, api_key: sk-two-0123456789 }
  - model_name: openai/*
    litellm_params: { model: openai/*, api_key: sk-one-0123456789 }
litellm_settings: { drop_params: true, request_timeout: 600, callbacks: [langfuse], strange: 1 }
router_settings: { fallbacks: [{ claude: [gpt-5, fast] }, { gone: [fast] }] }
general_settings: { master_key: sk-master-0123456789, database_url: postgres://u:secret-word@h/d }
`

test('models, keys, weights and fallbacks become upstreams, aliases and routes', () => {
  const { variables, findings } = importLitellm(Bun.YAML.parse(yaml))
  expect(Object.fromEntries(variables)).toEqual({
    API_MASTER_KEY: 'sk-master-0123456789',
    API_REQUEST_TIMEOUT: '600',
    OPENAI_MAX_RPM: '60',
    OPENAI_API_KEY: 'sk-one-0123456789',
    OPENAI_API_KEY_2: 'sk-two-0123456789',
    UPSTREAM_AZURE_LAB_MY_GPT_5_URL: 'https://lab.openai.azure.com/openai/deployments/my-gpt-5?api-version=2025-01-01',
    UPSTREAM_AZURE_LAB_MY_GPT_5_MODELS: 'my-gpt-5',
    ANTHROPIC_API_KEY: 'sk-ant-0123456789',
    UPSTREAM_HOSTED_VLLM_URL: 'http://127.0.0.1:8001/v1',
    UPSTREAM_HOSTED_VLLM_MODELS: 'qwen',
    ALIASES: 'fast = groq/llama-3.3-70b-versatile; local = hosted-vllm/qwen',
    ROUTES:
      'gpt-5 = openai/gpt-5*3 | azure-lab-my-gpt-5/my-gpt-5*1; claude = anthropic/claude-sonnet-4-5 > gpt-5 > fast',
  })
  expect(findings.map(({ place }) => place)).toEqual([
    'model_list[3].litellm_params.timeout',
    'model_list[5]',
    'litellm_settings.drop_params',
    'litellm_settings.callbacks',
    'litellm_settings.strange',
    'general_settings.database_url',
    'model_list[2]',
    'model_list[6]',
    'fallbacks',
  ])
  expect(JSON.stringify(findings)).not.toMatch(/secret-word|sk-/)
  // with the keys that stand in variables of their own it is valid
  const config = readConfig({ ...Object.fromEntries(variables), GROQ_API_KEY: 'sk-groq-0123456789' }, false)
  expect('problems' in config ? config.problems : []).toEqual([])
})

test('a file of another kind is refused', () => {
  for (const other of [undefined, 'text', [], {}, { model_list: {} }])
    expect(() => importLitellm(other)).toThrow('model_list')
})

test('no entry stops the others', () => {
  const good = { model_name: 'a', litellm_params: { model: 'openai/a', api_key: 'sk-one-0123456789' } }
  const odd = [null, 1, 'x', [], {}, { model_name: 'b' }, { litellm_params: { model: 7 } }]
  const { variables, findings } = importLitellm({ model_list: [...odd, good], router_settings: 3, x: null })
  expect(Object.fromEntries(variables)).toMatchObject({ ALIASES: 'a = openai/a' })
  expect(findings).toHaveLength(odd.length + 2)
})

test('an address of its own takes no name of an upstream that is known', () => {
  const model_list = [
    {
      model_name: 'a',
      litellm_params: { model: 'openai/a', api_base: 'http://127.0.0.1:8001/v1', api_key: 'sk-lab-0123456789' },
    },
    { model_name: 'b', litellm_params: { model: 'openai/b', api_key: 'sk-one-0123456789' } },
  ]
  const variables = Object.fromEntries(importLitellm({ model_list }).variables)
  expect(variables).toMatchObject({
    UPSTREAM_OPENAI_2_URL: 'http://127.0.0.1:8001/v1',
    OPENAI_API_KEY: 'sk-one-0123456789',
    ALIASES: 'a = openai-2/a; b = openai/b',
  })
  const config = readConfig(variables, false)
  expect('problems' in config ? config.problems : []).toEqual([])
})

test('no name and no number of the file can change another setting', () => {
  const params = { model: 'openai/a', api_key: 'sk-one-0123456789' }
  const { variables, findings } = importLitellm({
    model_list: [
      {
        model_name: 'a',
        litellm_params: { ...params, rpm: Number.POSITIVE_INFINITY, weight: Number.NaN },
        model_info: {},
      },
      { model_name: 'a', litellm_params: { ...params, rpm: 20_000 } },
      { model_name: 'b', litellm_params: { ...params, model: 'openai/b; c = openai/secret' } },
    ],
    litellm_settings: { request_timeout: Number.NaN, fallbacks: [{ a: ['b; c = openai/d', 'openai/e'] }] },
    router_settings: { model_group_alias: { old: 'a', other: { model: 'a', hidden: true } } },
    environment_variables: { OPENAI_API_KEY: 'sk-two-0123456789' },
  })
  expect(variables).toEqual([
    ['OPENAI_API_KEY', 'sk-one-0123456789'],
    ['ALIASES', 'old = openai/a; other = openai/a'],
    ['ROUTES', 'a = openai/a > openai/e'],
  ])
  expect(findings.map(({ place }) => place)).toEqual([
    'model_list[0].model_info',
    'litellm_settings.request_timeout',
    'environment_variables.OPENAI_API_KEY',
    'model_list[2]',
    'fallbacks',
  ])
})
