/** Texts to begin with, in each of which something happens to the network that reads it. */

/** For a model of English opinions, such as the one that is served without a setting. */
const ENGLISH = {
  turn:
    'The first hour is slow, the dialogue is wooden and I nearly left. Then the story turns, and what ' +
    'follows is one of the most moving endings I have ever seen. I loved it. A wonderful film.',
  negation: 'This is not a good film. It is not bad either, it is brilliant.',
  pity:
    'Great actors, a wonderful score, beautiful pictures. What a pity that the script is such a mess: ' +
    'by the end I was bored and just wanted it to be over.',
  far:
    'I loved this film. It begins in a small town by the sea, where a young woman works in her ' +
    "father's shop and dreams of leaving. One morning a stranger arrives with a suitcase that he will " +
    'not open. He takes a room above the bakery, pays for a week, and asks every evening for the train ' +
    'that does not come. The woman brings him his letters. Her brother, who has come home from the war, ' +
    'follows him through the streets at night, and the old schoolteacher writes down what he sees from ' +
    'his window. In the second part it is winter, the sea is frozen and the shop is closed. The stranger ' +
    'has gone. The suitcase is still in the room above the bakery, and the woman sits in front of it ' +
    'with a key in her hand.',
  irony: 'Watching paint dry would have been more exciting than this masterpiece.',
};

/** For one of Chinese opinions of hotels, books and computers, such as chinese-sentiment. */
const CHINESE = {
  turn:
    '前台让我们等了半个小时,房间里还有烟味,差点就想换一家。后来经理亲自道歉,给我们换了一间看得见海的房间,' +
    '又大又干净,早餐也很丰富。总的来说非常满意,下次还住这里。',
  negation: '这本书一点也不枯燥,内容不错,值得一读。',
  pity: '位置很好,大堂漂亮,服务员也热情。可惜房间的隔音太差,整夜都睡不着,以后不会再来了。',
  irony: '键盘用了两天就坏了,客服说这是正常现象,真是太贴心了。',
};

/** The labels of the models that examples suit. @type {[string[], Record<string, string>][]} */
const OFFERED = [
  [['negative', 'positive'], ENGLISH],
  [['消极', '积极'], CHINESE],
];

/**
 * Give the examples that suit the model that is served, by name; none for other labels than a review's.
 * @param {import('./api.js').Info} info
 * @returns {Record<string, string>}
 */
export function examples(info) {
  const suits = OFFERED.find(([labels]) => labels.every((label) => info.labels.includes(label)));
  return suits ? suits[1] : {};
}
