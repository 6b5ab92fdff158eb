import { describe, expect, test } from 'bun:test'
import { Environment } from './environment.ts'
import { readPanels } from './read-panels.ts'

function read(routes: string | undefined, upstreams: readonly string[] = ['a', 'b', 'c']) {
  const environment = new Environment(routes === undefined ? {} : { ROUTES: routes })
  return { panels: readPanels(environment, upstreams), problems: environment.problems }
}

const members = (routes: string) =>
  read(routes).panels.map(({ name, members: asked }) => [name, ...asked.map(({ address }) => address)])

describe('rawbot-omnibus', () => {
  const titles = ['Cohere (command-r-08-2024)', 'AI21 Labs (jamba-mini)', 'Mistral (mistral-small-latest)']
  const addresses = ['cohere/command-r-08-2024', 'ai21/jamba-mini', 'mistral/mistral-small-latest']
  const names = ['cohere', 'ai21', 'mistral']
  for (let mask = 1; mask < 8; mask++) {
    const configured = names.filter((_, at) => mask & (1 << at))
    test(`asks only the configured ${configured.join(', ')}, in the original order`, () => {
      const [omnibus, ...others] = read(undefined, ['x', ...configured].reverse()).panels
      expect(others).toEqual([])
      expect(omnibus?.name).toBe('rawbot-omnibus')
      expect(omnibus?.members.map(({ title }) => title)).toEqual(titles.filter((_, at) => mask & (1 << at)))
      expect(omnibus?.members.map(({ address }) => address)).toEqual(addresses.filter((_, at) => mask & (1 << at)))
      for (const { defaults } of omnibus?.members ?? []) expect(defaults).toEqual({ temperature: 0.5, maxTokens: 200 })
    })
  }
  test('does not exist without any of its members, even if other names are similar', () => {
    expect(read(undefined, ['cohere-2', 'mistralx', 'openai']).panels).toEqual([])
  })
})

describe('ROUTES', () => {
  test('makes panels, one per line or after a semicolon, with members in their order', () => {
    expect(members('p = a/x + b/y\n\n q=c/z+a/x ; r.1:2/s-3 = a/vendor/model:free;')).toEqual([
      ['p', 'a/x', 'b/y'],
      ['q', 'c/z', 'a/x'],
      ['r.1:2/s-3', 'a/vendor/model:free'],
    ])
    expect(read('p = a/vendor/m').panels[0]?.members).toEqual([
      { title: 'a (vendor/m)', address: 'a/vendor/m', defaults: {} },
    ])
  })

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['p = a/x > b/y', /failover \(>\) or balancing \(\|\) in "p", which are not supported yet/],
    ['p = a/x | b/y', /failover \(>\) or balancing \(\|\) in "p"/],
    ['p = a/x + b/y > c/z', /failover/],
    ['p', /not `name = member \+ member`/],
    ['p =', /not `name = /],
    ['= a/x', /not `name = /],
    ['two words = a/x', /not `name = /],
    ['p = a/x + d/y', /a member of "p" that is not an upstream\/model/],
    ['p = a/x +', /a member of "p"/],
    ['p = a/x b/y', /a member of "p"/],
    ['p = a', /a member of "p"/],
    ['p = a/', /a member of "p"/],
    ['p = a/x; p = b/y', /defines "p" twice/],
  ]
  for (const [routes, problem] of wrong)
    test(`${routes} is refused with a problem and a remedy`, () => {
      const { problems } = read(routes)
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ variable: 'ROUTES', problem: expect.stringMatching(problem) })
      expect(problems[0]?.remedy).not.toBe('')
    })

  test('cannot use the name of rawbot-omnibus if that exists', () => {
    expect(read('rawbot-omnibus = a/x', ['a', 'cohere']).problems).toHaveLength(1)
    expect(read('rawbot-omnibus = a/x').problems).toEqual([])
  })

  test('reports every wrong line', () => {
    expect(read('p = a/x > b/y\nq = \nr = a/x\ns = z/x').problems).toHaveLength(3)
  })
})
