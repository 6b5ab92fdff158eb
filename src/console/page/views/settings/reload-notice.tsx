import { texts } from '../../i18n/index.ts'
import { code } from '../../i18n/marks.ts'
import { Untrusted } from '../../kit/untrusted.tsx'
import { Words } from '../../kit/words.tsx'
import type { ReloadResult } from './types.ts'

/** What reading the settings again has done. */
export function ReloadNotice({ result: { changed, at_next_start, problems } }: { readonly result: ReloadResult }) {
  const { settings: words } = texts.value
  if (problems.length > 0)
    return (
      <div class="notice bad">
        <div>
          <p>{words.problems}</p>
          <ul>
            {problems.map(({ variable, problem, remedy }) => (
              <li key={`${variable} ${problem}`}>
                <Words text={code(variable)} /> <Untrusted text={`${problem}\n${remedy}`} max={400} />
              </li>
            ))}
          </ul>
        </div>
      </div>
    )
  const isSame = changed.length === 0 && at_next_start.length === 0
  return (
    <div class={at_next_start.length > 0 ? 'notice warning' : 'notice good'}>
      <div>
        {isSame && <p>{words.nothingChanged}</p>}
        {changed.length > 0 && (
          <p>
            <Words text={words.changed(changed.map(code).join(' '))} />
          </p>
        )}
        {at_next_start.length > 0 && (
          <p>
            <Words text={words.atNextStart(at_next_start.map(code).join(' '))} />
          </p>
        )}
      </div>
    </div>
  )
}
