// @ts-check
/** The text, and what the model answers to it. */

import { h, section } from '../dom.js';
import { examples } from '../examples.js';
import { number, percent } from '../i18n.js';

// Of more labels than this, the best are shown, and the others when asked for.
const FEW = 6;

export const strings = {
  en: {
    'text.title': 'Text and answer',
    'text.nav': 'Text',
    'text.lead': 'Type or paste a text: the model reads it from the first token to the last, and answers as you type.',
    'text.text': 'Text',
    'text.placeholder': 'Type or paste a text',
    'text.examples': 'Examples',
    'text.turn': 'A change of mind',
    'text.negation': 'Negation',
    'text.pity': 'Praise, then regret',
    'text.far': 'Far back',
    'text.irony': 'Irony',
    'text.answer': 'Answer',
    'text.none': 'Nothing read yet.',
    'text.follow': 'Which label the page follows',
    'text.followed': 'followed below',
    'text.hint': 'Choose the label whose probability is followed in the sections below.',
    'text.more': 'All {count} labels',
    'text.fewer': 'The best labels',
    'text.counts': '{steps} of at most {most} tokens',
    'text.time': 'read in {time} ms',
    'text.truncated': 'Only the last {count} tokens are read. What stands before them is grey below.',
    'text.empty': 'Without a token, this is what the model says of its initial state.',
  },
  zh: {
    'text.title': '文本与答案',
    'text.nav': '文本',
    'text.lead': '输入或粘贴一段文本：模型从第一个词元读到最后一个，并随着你的输入给出答案。',
    'text.text': '文本',
    'text.placeholder': '输入或粘贴一段文本',
    'text.examples': '例子',
    'text.turn': '先抑后扬',
    'text.negation': '否定',
    'text.pity': '先扬后抑',
    'text.far': '开头的一句话',
    'text.irony': '反讽',
    'text.answer': '答案',
    'text.none': '还没有读任何文本。',
    'text.follow': '页面关注哪个标签',
    'text.followed': '下文关注',
    'text.hint': '选择一个标签，下面各节会跟踪它的概率。',
    'text.more': '全部 {count} 个标签',
    'text.fewer': '只看最可能的标签',
    'text.counts': '{steps} 个词元，最多 {most} 个',
    'text.time': '读完用时 {time} 毫秒',
    'text.truncated': '只读了最后 {count} 个词元，前面的部分在下方显示为灰色。',
    'text.empty': '没有词元时，这是模型对初始状态的判断。',
  },
};

/** @param {import('../main.js').Context} context */
export function create({ store, t }) {
  const frame = section('text', t);
  const area = h('textarea', {
    rows: 5,
    spellcheck: 'false',
    oninput: () => {
      performance.clearMarks('conveyor:key');
      performance.mark('conveyor:key'); // bench/inspector.py measures from here
      store.set({ text: area.value });
    },
  });
  const counts = h('p', { class: 'counts note' });
  const cut = h('p', { class: 'note cut', role: 'status' });
  const chipsTitle = h('span', { class: 'note', id: 'text-examples' });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-labelledby': chipsTitle.id });
  const best = h('output', { class: 'best', for: 'text-area' });
  const title = h('h3');
  const legend = h('legend', { class: 'visually-hidden' });
  const hint = h('p', { class: 'note' });
  const rows = h('div', { class: 'labels' });
  const more = h('button', { type: 'button', class: 'quiet', onclick: toggle });
  area.id = 'text-area';
  frame.element.append(
    h('div', { class: 'text-in' },
      h('div', { class: 'text-write' }, chips, area, cut, counts),
      h('div', { class: 'text-answer' }, title, best, h('fieldset', {}, legend, rows), more, hint)),
  );
  let all = false;
  /** @type {Map<string, ReturnType<typeof row>>} */
  const made = new Map();

  function toggle() {
    all = !all;
    draw(store.get());
  }

  function row(label) {
    const input = h('input', {
      type: 'radio',
      name: 'label',
      value: label,
      onchange: () => store.set({ label }),
    });
    const share = h('span', { class: 'share' });
    const fill = h('span', { class: 'fill' });
    const tag = h('span', { class: 'tag note' });
    const element = h('label', { class: 'label' },
      input, h('span', { class: 'name' }, label), tag, share, h('span', { class: 'track' }, fill));
    return { element, input, share, fill, tag };
  }

  function shownLabels(answer) {
    if (answer.labels.length <= FEW) return answer.labels;
    const ranked = [...answer.labels.keys()].sort((a, b) => answer.scores[b] - answer.scores[a]);
    const followed = answer.follow(store.get().label);
    const shown = all ? ranked : ranked.slice(0, FEW);
    if (!shown.includes(followed)) shown.push(followed);
    return shown.map((index) => answer.labels[index]);
  }

  function draw({ answer, label }) {
    frame.element.classList.toggle('unanswered', !answer);
    hint.hidden = !answer || answer.labels.length < 2;
    more.hidden = !answer || answer.labels.length <= FEW;
    if (!answer) {
      best.replaceChildren(t('text.none'));
      return;
    }
    best.replaceChildren(
      h('span', { class: 'best-label' }, answer.labels[answer.predicted]),
      ' ',
      h('span', { class: 'best-share' }, percent(answer.scores[answer.predicted])),
    );
    const followed = answer.follow(label);
    const names = shownLabels(answer);
    const elements = names.map((name) => {
      const index = answer.labels.indexOf(name);
      if (!made.has(name)) made.set(name, row(name));
      const { element, input, share, fill, tag } = /** @type {any} */ (made.get(name));
      share.textContent = percent(answer.scores[index]);
      fill.style.transform = `scaleX(${answer.scores[index]})`;
      input.checked = index === followed;
      tag.textContent = index === followed ? t('text.followed') : '';
      return element;
    });
    if (elements.some((element, index) => rows.children[index] !== element) || rows.children.length > elements.length) {
      rows.replaceChildren(...elements);
    }
    more.textContent = t(all ? 'text.fewer' : 'text.more', { count: answer.labels.length });
  }

  function count({ answer, info }) {
    if (!answer) {
      counts.textContent = '';
      cut.textContent = '';
      return;
    }
    counts.replaceChildren(
      t('text.counts', { steps: number(answer.steps), most: number(info.limits.max_tokens) }),
      ' · ',
      t('text.time', { time: number(answer.inferenceMs, 1) }),
    );
    const { steps, truncated } = answer;
    cut.textContent = truncated ? t('text.truncated', { count: number(steps) }) : steps ? '' : t('text.empty');
  }

  function offer({ info, text }) {
    const offered = Object.entries(info ? examples(info) : {});
    chips.hidden = !offered.length;
    chips.replaceChildren(
      chipsTitle,
      ...offered.map(([name, words]) => h('button', {
        type: 'button',
        class: 'chip',
        'aria-pressed': String(words === text),
        onclick: () => store.set({ text: words, label: null }),
      }, t(`text.${name}`))),
    );
  }

  return {
    element: frame.element,
    /** @param {import('../store.js').State} state @param {Set<string>} changed */
    update(state, changed) {
      const has = (...names) => names.some((name) => changed.has(name));
      if (has('language')) {
        frame.retitle();
        area.setAttribute('aria-label', t('text.text'));
        area.placeholder = t('text.placeholder');
        chipsTitle.textContent = t('text.examples');
        title.textContent = t('text.answer');
        legend.textContent = t('text.follow');
        hint.textContent = t('text.hint');
      }
      if (area.value !== state.text) area.value = state.text;
      frame.element.setAttribute('aria-busy', String(state.loading));
      if (has('language', 'info')) offer(state);
      else if (has('text')) {
        const suit = Object.values(state.info ? examples(state.info) : {});
        [...chips.querySelectorAll('button')].forEach((chip, index) =>
          chip.setAttribute('aria-pressed', String(suit[index] === state.text)));
      }
      if (has('answer', 'label', 'language')) draw(state);
      if (has('answer', 'language', 'info')) count(state);
    },
  };
}
