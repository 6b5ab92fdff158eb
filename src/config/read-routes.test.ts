import { describe, expect, test } from 'bun:test'
import { modelsOf } from '../gateway/routes/route-tree.ts'
import { writeRoute } from '../gateway/routes/write-route.ts'
import { readConfig } from './config.ts'

const upstreams = (names: readonly string[]) =>
  Object.assign({}, ...names.map((name) => ({ [`UPSTREAM_${name.toUpperCase()}_URL`]: 'http://127.0.0.1:9/v1' })))

function read(routes: string | undefined, variables: object = upstreams(['a', 'b', 'c'])) {
  const config = readConfig({ ...variables, ...(routes !== undefined && { ROUTES: routes }) }, false)
  return 'problems' in config ? { routes: [], problems: config.problems } : { routes: config.routes, problems: [] }
}

const written = (routes: string, variables?: object) => {
  const { routes: read_, problems } = read(routes, variables)
  return [...problems.map(({ problem }) => problem), ...read_.map(({ name, tree }) => `${name} = ${writeRoute(tree)}`)]
}

describe('rawbot-omnibus', () => {
  const titles = ['Cohere (command-r-08-2024)', 'AI21 Labs (jamba-mini)', 'Mistral (mistral-small-latest)']
  const addresses = ['cohere/command-r-08-2024', 'ai21/jamba-mini', 'mistral/mistral-small-latest']
  const names = ['cohere', 'ai21', 'mistral']
  for (let mask = 1; mask < 8; mask++) {
    const configured = names.filter((_, at) => mask & (1 << at))
    test(`asks only the configured ${configured.join(', ')}, in the original order`, () => {
      const [omnibus, ...others] = read(undefined, upstreams(['x', ...configured].reverse())).routes
      expect(others).toEqual([])
      expect(omnibus?.name).toBe('rawbot-omnibus')
      expect(omnibus?.tree.kind).toBe('panel')
      const members = omnibus ? modelsOf(omnibus.tree) : []
      expect(members.map(({ title }) => title)).toEqual(titles.filter((_, at) => mask & (1 << at)))
      expect(members.map(({ name }) => name)).toEqual(addresses.filter((_, at) => mask & (1 << at)))
      for (const { defaults } of members) expect(defaults).toEqual({ temperature: 0.5, maxTokens: 200 })
    })
  }
  test('does not exist without any of its members, even if other names are similar', () => {
    expect(read(undefined, upstreams(['mistralx', 'openai'])).routes).toEqual([])
  })

  test('has a name that no route can have then', () => {
    expect(written('rawbot-omnibus = a/x', upstreams(['a', 'cohere']))).toEqual([
      'defines "rawbot-omnibus" twice, at column 1',
    ])
    expect(read('rawbot-omnibus = a/x').problems).toEqual([])
  })
})

describe('a member of a route', () => {
  test('is a model with or without its upstream, an alias, or another route, whose options come with it', () => {
    const variables = { ...upstreams(['a', 'b']), ALIASES: 'other = a/y' }
    expect(
      written('most = (deep @ idle=5s, first=1s)*2 | quick; deep = a/x @ first=900s; quick = other > m', variables),
    ).toEqual(['most = (a/x @ first=900s, idle=5s)*2 | (other > m)', 'deep = a/x @ first=900s', 'quick = other > m'])
  })

  test('that is a panel in a panel gives its own members', () => {
    expect(written('p = q + c/z; q = a/x + (b/y @ hedge) @ first=1s')).toEqual([
      'p = (a/x @ first=1s) + (b/y @ first=1s, hedge) + c/z',
      'q = a/x + (b/y @ hedge) @ first=1s',
    ])
    expect(written('p = (q > b/y) + c/z; q = a/x + b/y')[0]).toBe('p = (a/x + b/y > b/y) + c/z')
  })

  test('may be the model that the route has the address of', () => {
    expect(written('a/x = a/x @ first=900s; p = a/x > b/y')).toEqual([
      'a/x = a/x @ first=900s',
      'p = (a/x @ first=900s) > b/y',
    ])
  })

  const listed = { ...upstreams(['lab']), UPSTREAM_LAB_MODELS: 'small,large,org/own' }
  const wrong: readonly (readonly [routes: string, problem: string, remedy: RegExp, variables?: object])[] = [
    ['p = a/x + d/y', 'has "d/y", but there is no upstream "d", at column 11', /perhaps "a\/y" is meant/],
    [
      'p = mistrl/x',
      'has "mistrl/x", but there is no upstream "mistrl", at column 5',
      /"mistral\/x" is meant/,
      upstreams(['mistral']),
    ],
    [
      'p = nothing/x',
      'has "nothing/x", but there is no upstream "nothing", at column 5',
      /one of the upstreams a, b, c$/,
    ],
    ['p = a/x | b', 'has "b", which is an upstream, at column 11', /b\/MODEL/],
    ['p = a/', 'has "a/", which names no model, at column 5', /upstream\/model/],
    ['p = a/x:tools', 'has "a/x:tools", which names no model, at column 5', /upstream\/model/],
    ['p = lab/smal', 'has "lab/smal", which lab does not serve, at column 5', /"lab\/small" is meant/, listed],
    ['p = smal', 'has "smal", which is no model, alias or route, at column 5', /"small" is meant/, listed],
    ['p = a/x; p = b/y', 'defines "p" twice, at column 10', /another name/],
    ['p = q > a/x; q = r; r = b/y | p', 'goes in a circle: p → q → r → p, at column 31', /upstream\/model/],
    ['p = p > a/x', 'goes in a circle: p → p, at column 5', /upstream\/model/],
    ['# a\np = a/x\nq = b/y >', 'ends where a model or a route must stand, at line 3, column 10', /upstream\/model/],
  ]
  for (const [routes, problem, remedy, variables] of wrong)
    test(`is refused in ${routes}`, () => {
      expect(read(routes, variables).problems).toMatchObject([
        { variable: 'ROUTES', problem, remedy: expect.stringMatching(remedy) },
      ])
    })

  test('may be on a fixed list with a slash in its own name', () => {
    expect(written('p = org/own > lab/org/own', listed)).toEqual(['p = org/own > lab/org/own'])
  })

  test('is counted with those of the routes that it names', () => {
    const doubling = Array.from({ length: 30 }, (_, at) => `r${at + 1} = r${at} | r${at}`)
    expect(written(`r0 = a/x; ${doubling.join(';')}`)).toEqual([
      expect.stringContaining('has more than 100 models in "r7"'),
    ])
  })
})

test('every wrong line is reported', () => {
  expect(read('p = a/x > > b/y\nq = \nr = a/x\ns = z/x').problems).toHaveLength(3)
})
