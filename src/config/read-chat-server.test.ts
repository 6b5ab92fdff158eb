import { describe, expect, test } from 'bun:test'
import { Environment } from './environment.ts'
import { readEgress } from './read-chat-server.ts'

function read(hosts?: string) {
  const environment = new Environment(hosts === undefined ? {} : { MODEL_CONFIG_HOSTS: hosts })
  return { ...readEgress(environment), problems: environment.problems.map(({ variable }) => variable) }
}

describe('MODEL_CONFIG_HOSTS', () => {
  test('unset allows every public host, and none allows no host', () => {
    expect(read()).toEqual({ hosts: ['*'], problems: [] })
    expect(read('none')).toEqual({ hosts: [], problems: [] })
  })

  test('accepts hosts as a URL has them', () => {
    expect(read('API.example.org, *.example.org, 10.0.0.5:8080, [::1]:11434, localhost:443')).toEqual({
      hosts: ['api.example.org', '*.example.org', '10.0.0.5:8080', '::1:11434', 'localhost:443'],
      problems: [],
    })
  })

  for (const wrong of [
    'https://api.example.org',
    'a b',
    '*.example.org:80',
    'x:99999',
    'a.*',
    'none, a.example',
    'u@h',
    'h/p',
  ])
    test(`${wrong} is reported`, () => expect(read(wrong).problems).toEqual(['MODEL_CONFIG_HOSTS']))
})
