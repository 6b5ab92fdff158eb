import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyFolder } from '../../test/e2e/program.ts'
import { applyKept } from './apply-kept.ts'
import { type Config, readConfig } from './config.ts'
import type { RawVariables } from './spelled-values.ts'

const lab = { UPSTREAM_LAB_URL: 'http://lab.test/v1', UPSTREAM_LAB_KEY: 'sk-0123456789' }

function read(variables: RawVariables): Config {
  const config = readConfig(variables, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return config
}

const namesOf = ({ upstreams }: Config) => upstreams.map(({ name }) => name)

test('variables of the state are read like those of the environment, which win in any spelling', () => {
  const config = read({ CO_API_KEY: 'co-0123456789', OPENAI_API_KEY: '' })
  const applied = applyKept(config, { ...lab, COHERE_TOKEN: 'co-other-0123456789', OPENAI_API_KEY: 'sk-0123456789' })
  expect(namesOf(applied.config)).toEqual(['openai', 'lab', 'cohere'])
  expect(applied.config.upstreams[2]?.accounts.map(({ label }) => label)).toEqual(['CO_API_KEY'])
  expect(
    applied.config.settings
      .filter(({ origin }) => origin === 'the state')
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['OPENAI_API_KEY', 'UPSTREAM_LAB_KEY', 'UPSTREAM_LAB_URL'])
  // what was applied is not applied twice
  expect(namesOf(applyKept(applied.config, {}).config)).toEqual(['openai', 'lab', 'cohere'])
  expect(applied.config.withKept({ OPENAI_API_KEY: 'sk-0123456789' })).toMatchObject({
    upstreams: [{ name: 'openai' }, { name: 'cohere' }],
  })
})

test('variables of the state that do not fit are left out, in whatever order they come', () => {
  const { UPSTREAM_LAB_URL, UPSTREAM_LAB_KEY } = lab
  const kept = { UPSTREAM_LAB_KEY, GROQ_MODELS: 'm', UPSTREAM_AWAY_KEY: 'sk-0123456789', UPSTREAM_LAB_URL }
  const { config, used, problems } = applyKept(read({}), kept)
  expect(namesOf(config)).toEqual(['lab'])
  expect(used).toEqual(lab)
  expect(problems.map(({ variable }) => variable)).toContain('UPSTREAM_AWAY_URL')
})

test('they are not left out because a file of the environment cannot be read at the moment', async () => {
  await using folder = await emptyFolder()
  const path = join(folder.path, 'keys.json')
  writeFileSync(path, '{"keys": []}', { mode: 0o600 })
  const config = read({ API_KEYS_FILE: path })
  expect(applyKept(config, lab).isBroken).toBeUndefined()
  writeFileSync(path, '{"keys":')
  expect(applyKept(config, lab)).toMatchObject({ isBroken: true, problems: [{ variable: 'API_KEYS_FILE' }] })
})
