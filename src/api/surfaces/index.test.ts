import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { RouteTable } from '../door/route-table.ts'
import { surfaces } from './index.ts'

const api = join(import.meta.dir, '..')

test('every route belongs to one surface', () => {
  expect(new RouteTable(surfaces).routes.length).toBeGreaterThan(10)
})

test('no file of the API outside the surfaces has a path', async () => {
  const beginnings = new Set(surfaces.flatMap(({ routes }) => routes.map(({ path }) => path.split('/')[1])))
  const knows = new RegExp(`['"\`][^'"\`\\n]*/(${[...beginnings].filter((text) => text !== '').join('|')})\\b`)
  expect(`if (path.startsWith('/v1/'))`).toMatch(knows)
  const paths = [...new Bun.Glob('**/*.ts').scanSync({ cwd: api })]
  const sources = paths.filter((path) => !/\.test\.ts$|^surfaces\/[^/]+\//.test(path))
  expect(sources.length).toBeGreaterThan(20)
  const texts = await Promise.all(sources.map(async (path) => [path, await Bun.file(join(api, path)).text()] as const))
  const code = texts.map(([path, text]) => [path, text.replace(/^\s*(\/\/|\*|\/\*\*).*$|^import .*$/gm, '')] as const)
  expect(code.filter(([, text]) => knows.test(text)).map(([path]) => path)).toEqual([])
})
