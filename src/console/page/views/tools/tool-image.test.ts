import { expect, test } from 'bun:test'
import { imageOf } from './tool-image.ts'

test('an image of a known type is shown from its own data', () => {
  expect(imageOf({ media_type: 'image/png', data: 'iVBORw0KGgo=' })).toBe('data:image/png;base64,iVBORw0KGgo=')
})

const refused = [
  ['SVG', 'image/svg+xml', 'PHN2Zz4='],
  ['a page', 'text/html', 'PGI+'],
  ['a type with parameters', 'image/png;charset=x', 'iVBO'],
  ['an address', 'image/png', 'https://example.com/x.png'],
  ['nothing', 'image/png', ''],
] as const

for (const [name, type, data] of refused)
  test(`${name} is not shown`, () => expect(imageOf({ media_type: type, data })).toBeUndefined())
