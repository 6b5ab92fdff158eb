import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../test/sizes.ts'
import { qualifiedName, serverAlias } from './names.ts'

test('a plain tool name follows its server’s name', () => {
  expect(qualifiedName('exa', 'web_search_exa')).toBe('exa__web_search_exa')
  expect(qualifiedName('my-server', 'read__file-2')).toBe('my-server__read__file-2')
})

test('a name with other characters is replaced, and a hash makes it unique', () => {
  expect(qualifiedName('exa', 'web.search')).toMatch(/^exa__web_search_[0-9a-f]{8}$/)
  expect(qualifiedName('exa', 'web.search')).not.toBe(qualifiedName('exa', 'web/search'))
  expect(qualifiedName('exa', 'web_search')).toBe('exa__web_search')
  expect(qualifiedName('my server', 'a')).toMatch(/^my_server_[0-9a-f]{8}__a$/)
  expect(serverAlias('a__b')).toMatch(/^a_b_[0-9a-f]{8}$/)
  expect(qualifiedName('ü', '道')).toMatch(/^_?[0-9a-f]{8}__[_0-9a-f]+$/)
})

test('a name begins with a letter or an underscore', () => {
  expect(qualifiedName('7zip', 'a')).toBe('_7zip__a')
  expect(qualifiedName('-x', '1')).toBe('_-x__1')
  expect(qualifiedName('_7zip', 'a')).toMatch(/^_7zip_[0-9a-f]{8}__a$/)
})

test('a long name is cut and stays unique', () => {
  const long = 'a'.repeat(100)
  expect(qualifiedName('server', long)).toHaveLength(64)
  expect(qualifiedName('server', long)).not.toBe(qualifiedName('server', `${long}a`))
  expect(qualifiedName('s'.repeat(64), long)).toHaveLength(64)
  expect(qualifiedName('s'.repeat(64), long)).toMatch(/^s{14}_[0-9a-f]{8}__a/)
})

test('two different tools never get one name, and every name is valid for OpenAI', () => {
  const name = fc.oneof(fc.string({ minLength: 1, maxLength: 80 }), fc.stringMatching(/^[ab_.]{1,6}$/))
  fc.assert(
    fc.property(name, name, name, name, (server, tool, otherServer, otherTool) => {
      const first = qualifiedName(server, tool)
      expect(first).toMatch(/^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/)
      expect(first.slice(0, first.indexOf('__'))).toBe(serverAlias(server))
      if (server !== otherServer || tool !== otherTool) expect(qualifiedName(otherServer, otherTool)).not.toBe(first)
    }),
    { numRuns: runs(2_000) },
  )
})
