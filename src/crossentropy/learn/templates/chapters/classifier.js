chapter('classifier', {
  draw({data, find, show, root}, {at, truth}) {
    const levels = levelsOf(data.images[at]), digit = data.digits[at];
    const o = add(levels.map((level, i) => level * data.weight[i])) + data.bias, p = sigmoid(o);
    image(find('[data-part="image"]'), levels, 8, `Image ${at + 1}: a handwritten digit of 8 by 8 pixels`);
    fill(root, 'p', p);
    show({
      p: percent(p),
      logit: fixed(o, 2),
      'at-value': `${at + 1} of ${data.images.length}`,
      truth: truth === '1' ? `In truth it is ${digit === 8 ? 'an' : 'a'} ${digit}.` : 'What do you say?',
    });
  },
});
