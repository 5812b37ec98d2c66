/** Texts to begin with, in each of which something happens to the network that reads it. */

/** For a model of English opinions, such as the shipped one. */
const REVIEWS = {
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
  irony: 'If you enjoy watching paint dry, this masterpiece will change your life.',
};

/**
 * Give the examples that suit the model that is served, by name; none for other labels than a review's.
 * @param {import('./api.js').Info} info
 * @returns {Record<string, string>}
 */
export function examples(info) {
  const opinions = ['negative', 'positive'].every((label) => info.labels.includes(label));
  return opinions ? REVIEWS : {};
}
