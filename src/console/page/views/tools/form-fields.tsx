import type { ComponentChildren } from 'preact'
import { texts } from '../../i18n/index.ts'
import { shortened } from '../../i18n/marks.ts'
import { Button } from '../../kit/button.tsx'
import { Field } from '../../kit/field.tsx'
import type { FormField } from './form-model.ts'
import { absent, type Draft, draftOf, emptyOf, type FormProblem } from './form-values.ts'

interface FormPartProps {
  readonly field: FormField
  readonly draft: Draft
  readonly onChange: (draft: Draft) => void
  /** What is wrong, by the place of the field. */
  readonly problems: ReadonlyMap<string, FormProblem>
  readonly at: string
  /** What the field is called, if it has no name. */
  readonly title?: string | undefined
}

/** A field of the form, with all that is within it. */
export function FormPart(props: FormPartProps) {
  const { field, draft, onChange } = props
  const words = texts.value.tools
  const title = props.title ?? field.name
  if (draft.kind === 'absent')
    return (
      <div class="left-out">
        <Button icon="plus" kind="quiet" onPress={() => onChange(emptyOf(field))}>
          <span class="unseen">{words.use}</span> <bdi>{title}</bdi>
        </Button>
        <About field={field} />
      </div>
    )
  if (field.kind === 'group' && draft.kind === 'group')
    return <GroupPart {...props} fields={field.fields} members={draft.members} />
  if (field.kind === 'list' && draft.kind === 'list')
    return <ListPart {...props} item={field.item} items={draft.items} />
  return draft.kind === 'text' ? <ValuePart {...props} text={draft.text} /> : null
}

function About({ field }: { readonly field: FormField }) {
  return field.about === '' ? null : (
    <p class="hint">
      <bdi>{field.about}</bdi>
    </p>
  )
}

/** The fields of an object. That of the tool itself has no frame. */
function GroupPart(
  props: FormPartProps & { readonly fields: readonly FormField[]; readonly members: readonly Draft[] },
) {
  const { fields, members, at, problems, onChange } = props
  const parts = fields.map((field, position) => (
    <FormPart
      key={field.name}
      field={field}
      draft={members[position] ?? absent}
      at={`${at}.${position}`}
      problems={problems}
      onChange={(draft) => onChange({ kind: 'group', members: members.with(position, draft) })}
    />
  ))
  return at === '' ? <>{parts}</> : <Frame {...props}>{parts}</Frame>
}

function ListPart(props: FormPartProps & { readonly item: FormField; readonly items: readonly Draft[] }) {
  const { field, item, items, at, problems, onChange, title = field.name } = props
  const words = texts.value.tools
  return (
    <Frame {...props}>
      {items.map((draft, position) => (
        <div key={position} class="list-item">
          <FormPart
            field={item}
            title={words.item(position + 1)}
            draft={draft}
            at={`${at}.${position}`}
            problems={problems}
            onChange={(changed) => onChange({ kind: 'list', items: items.with(position, changed) })}
          />
          <Button
            kind="quiet"
            icon="close"
            label={words.removeFrom(`${title}, ${words.item(position + 1)}`)}
            onPress={() => onChange({ kind: 'list', items: items.toSpliced(position, 1) })}
          />
        </div>
      ))}
      <Button icon="plus" onPress={() => onChange({ kind: 'list', items: [...items, draftOf(item)] })}>
        {words.addTo} <bdi>{title}</bdi>
      </Button>
    </Frame>
  )
}

function Frame({
  field,
  title = field.name,
  onChange,
  children,
}: FormPartProps & { readonly children: ComponentChildren }) {
  return (
    <fieldset class="form-frame">
      <legend>
        <bdi>{title}</bdi> <LeaveOut field={field} title={title} onChange={onChange} />
      </legend>
      <About field={field} />
      {children}
    </fieldset>
  )
}

function LeaveOut({ field, title, onChange }: Pick<FormPartProps, 'field' | 'onChange'> & { readonly title: string }) {
  const words = texts.value.tools
  if (field.isRequired) return <span class="hint">{field.name !== '' && words.required}</span>
  return (
    <Button kind="quiet" label={`${words.leaveOut}: ${title}`} onPress={() => onChange(absent)}>
      {words.leaveOut}
    </Button>
  )
}

/** A field of one control. */
function ValuePart({
  field,
  text,
  at,
  title = field.name,
  problems,
  onChange,
}: FormPartProps & { readonly text: string }) {
  const words = texts.value.tools
  const problem = problems.get(at)
  const hint = [field.about, field.kind === 'json' && words.jsonHint].filter((part) => part).join(' ')
  const change = (changed: string) => onChange({ kind: 'text', text: changed })
  return (
    <div class="value-field">
      <Field label={title} hint={hint} error={problem && words.problems[problem]}>
        {(attributes) => <Control field={field} text={text} onChange={change} attributes={attributes} />}
      </Field>
      <LeaveOut field={field} title={title} onChange={onChange} />
    </div>
  )
}

interface ControlProps {
  readonly field: FormField
  readonly text: string
  readonly onChange: (text: string) => void
  readonly attributes: { readonly id: string; readonly 'aria-describedby': string; readonly 'aria-invalid': boolean }
}

function Control({ field, text, onChange, attributes }: ControlProps) {
  const { choose } = texts.value.tools
  const { yes, no } = texts.value.words
  const shared = {
    ...attributes,
    'aria-required': field.isRequired,
    autocomplete: 'off' as const,
    spellcheck: false,
    value: text,
  }
  const onInput = ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) =>
    onChange(currentTarget.value)
  switch (field.kind) {
    case 'boolean':
      return (
        <select {...attributes} value={text} onChange={onInput}>
          <option value="true">{yes}</option>
          <option value="false">{no}</option>
        </select>
      )
    case 'choice':
      return (
        <select {...attributes} value={text} onChange={onInput}>
          <option value="">{choose}</option>
          {field.options.map((option, at) => (
            <option key={at} value={String(at)} dir="auto">
              {shortened(typeof option === 'string' ? option : JSON.stringify(option))}
            </option>
          ))}
        </select>
      )
    case 'number':
      return <input {...shared} type="text" inputMode={field.isWhole ? 'numeric' : 'decimal'} onInput={onInput} />
    case 'text':
      // a text may have several lines
      return <textarea {...shared} class="line" rows={field.isLong ? 4 : 1} onInput={onInput} />
    default:
      return <textarea {...shared} class="json" rows={4} onInput={onInput} />
  }
}
