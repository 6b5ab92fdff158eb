import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { boundaryOf, findFields } from './multipart.ts'

const utf8 = new TextEncoder()
const text = (body: Uint8Array, name: string, boundary: string) => {
  const place = findFields(body, boundary).find((field) => field.name === name)
  return place && Buffer.from(body.subarray(place.from, place.to)).toString('utf8')
}

test('the fields of a form are found whatever its files contain, before and after them', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom('\r\n--', '--', '\r\n\r\n').map((one) => utf8.encode(one)),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(bytes, { maxLength: 4 }),
      fc.string({ maxLength: 40 }),
      fc.boolean(),
      async (files, model, isLast) => {
        const form = new FormData()
        if (!isLast) form.append('model', model)
        for (const [at, file] of files.entries()) form.append(`file${at}`, new File([Uint8Array.from(file)], 'a.mp3'))
        if (isLast) form.append('model', model)
        form.append('stream', 'true')
        const request = new Response(form)
        const boundary = boundaryOf(request.headers.get('content-type') ?? '') ?? ''
        const body = await request.bytes()
        // a form writes line ends in full
        expect(text(body, 'model', boundary)?.replaceAll('\r\n', '\n')).toBe(model.replaceAll(/\r\n?/g, '\n'))
        expect([text(body, 'stream', boundary), text(body, 'file0', boundary)]).toEqual(['true', undefined])
      },
    ),
  )
})

test('the boundary may be quoted, and another type has none', () => {
  expect(boundaryOf('multipart/form-data; boundary=abc')).toBe('abc')
  expect(boundaryOf('Multipart/Form-Data; charset=utf-8; boundary="a b;c"; x=y')).toBe('a b;c')
  for (const type of ['application/json', 'multipart/form-data', 'multipart/mixed; boundary=abc', ''])
    expect([type, boundaryOf(type)]).toEqual([type, undefined])
})

test('a broken form has the fields that are whole', () => {
  const body = (rest: string) => utf8.encode(`--b\r\ncontent-disposition: form-data; name=a\r\n\r\none\r\n--b${rest}`)
  expect(text(body('--\r\n'), 'a', 'b')).toBe('one')
  expect(text(body('\r\ncontent-disposition: form-data; name="c"\r\n\r\ncut'), 'c', 'b')).toBeUndefined()
  for (const garbage of ['', '--b', '--b\r\n\r\n', 'no form', '--b--'])
    expect(findFields(utf8.encode(garbage), 'b')).toEqual([])
})

test('a part begins at its delimiter, a name may come twice, and an empty value is found', () => {
  const part = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const body = utf8.encode(`${part('model', '')}${part('model', 'two')}--b--\r\n`)
  expect(text(body, 'model', 'b')).toBe('')
  const [first, second] = findFields(body, 'b')
  expect([first?.start, second?.start, second?.name]).toEqual([0, first?.to, 'model'])
})
