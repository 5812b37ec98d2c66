"""Everything that decides a run beside its data: TrainingSettings, and PretrainingSettings."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from conveyor.model.network.config import MAX_VOCABULARY, CellName, Depth, Pooling, Width
from conveyor.model.types import Chosen, Panel, TokenizerKind


class RunSettings(BaseModel):
    """The settings that training and pretraining have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokenizer: Annotated[TokenizerKind, Panel.DATA] = Field(
        "word",
        description="word: a token a word, and a character in scripts without spaces; rare words "
        "are unknown. bpe: pieces of words; nothing is unknown.",
    )
    vocab_size: Annotated[int, Panel.DATA] = Field(
        30_000, ge=300, le=MAX_VOCABULARY, description="Most entries in the vocabulary."
    )
    embedding_dim: Annotated[Width, Panel.NETWORK] = Field(
        128, description="Numbers for each token, the input x of the first layer."
    )
    hidden_size: Annotated[Width, Panel.NETWORK] = Field(
        256, description="Units of the state, in each direction."
    )
    num_layers: Annotated[Depth, Panel.NETWORK] = Field(
        1, description="Recurrent layers, one on top of the other."
    )
    learning_rate: Annotated[PositiveFloat, Panel.TRAINING] = Field(
        2e-3, description="Peak of the one-cycle schedule."
    )
    weight_decay: Annotated[float, Panel.REGULARIZATION] = Field(
        0.01, ge=0, description="AdamW's decay of the weights."
    )
    seed: Annotated[int, Panel.TRAINING] = Field(
        0, ge=0, lt=2**32, description="Same seed, data and settings: same model."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto takes a GPU where there is one."
    )
    precision: Annotated[Literal["auto", "float32", "bfloat16"], Panel.TRAINING] = Field(
        "auto",
        description="bfloat16 computes matrix products in half precision: about twice as fast on a "
        "GPU, where auto takes it, and on processors with AVX-512 BF16.",
    )


class PretrainingSettings(RunSettings):
    """The settings of a pretraining; the defaults suit some ten million tokens."""

    backward: Annotated[bool, Panel.NETWORK] = Field(
        False,
        description="Whether to read every text from its end, for the backward direction of a "
        "classifier that reads from both.",
    )
    epochs: PositiveInt = Field(
        4, description="Passes over the texts; the learning rate falls to 0 towards the last."
    )
    batch_size: Annotated[PositiveInt, Panel.TRAINING] = Field(
        64, description="Rows of text that are read side by side."
    )
    bptt: Annotated[PositiveInt, Panel.TRAINING] = Field(
        70, description="Tokens of each row in one step; gradients reach no further back."
    )
    negatives: Annotated[PositiveInt, Panel.TRAINING] = Field(
        1024, description="Tokens drawn in each step for the true ones to be told from."
    )
    embedding_dropout: Annotated[float, Panel.REGULARIZATION] = Field(
        0.1, ge=0, lt=1, description="Dropout of the embeddings, the same at all tokens of a step."
    )
    output_dropout: Annotated[float, Panel.REGULARIZATION] = Field(
        0.1,
        ge=0,
        lt=1,
        description="Dropout of each layer's states, the same at all tokens of a step.",
    )
    weight_dropout: Annotated[float, Panel.REGULARIZATION] = Field(
        0.1, ge=0, lt=1, description="Dropout of the weights from one state to the next."
    )


class TrainingSettings(RunSettings):
    """The settings of a training; the defaults suit a few thousand texts and more."""

    cell: Annotated[CellName, Panel.NETWORK] = Field(
        "lstm",
        description="lstm: with a cell state and gates. rnn: a simple recurrent network, to "
        "compare it with.",
    )
    bidirectional: Annotated[bool, Panel.NETWORK] = Field(
        False, description="Whether to read from both ends."
    )
    pooling: Annotated[Pooling, Panel.NETWORK] = Field(
        "concat",
        description="From the states of all steps to one: the last, the largest, the mean, or all "
        "three side by side.",
    )
    train_tokens: Annotated[PositiveInt, Panel.DATA] = Field(
        400, description="In training, longer texts keep only their last tokens, this many."
    )
    max_tokens: Annotated[PositiveInt, Panel.DATA] = Field(
        4096, description="Longest text, in tokens, that the finished model reads."
    )
    epochs: Annotated[PositiveInt, Chosen.BY_TABLE] = Field(
        8, description="Most passes over the texts; the learning rate falls to 0 towards the last."
    )
    patience: Annotated[PositiveInt, Panel.TRAINING, Chosen.BY_TABLE] = Field(
        3, description="Epochs without a better one on held-out texts that end the run early."
    )
    batch_size: Annotated[PositiveInt, Panel.TRAINING, Chosen.BY_TABLE] = Field(
        32, description="Texts in one step."
    )
    dropout: Annotated[float, Panel.REGULARIZATION] = Field(
        0.5, ge=0, lt=1, description="Dropout between layers and before the head."
    )
    embedding_dropout: Annotated[float, Panel.REGULARIZATION] = Field(
        0.3, ge=0, lt=1, description="Dropout of the embeddings, the same at every step of a text."
    )
    validation_fraction: Annotated[float, Panel.DATA] = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the data to hold out where no --validation-data are given. Held-out "
        "texts choose the best epoch; with 0, all epochs are run and the last one is kept.",
    )
    layer_decay: Annotated[float, Panel.STARTING_POINT] = Field(
        1.0,
        gt=0,
        le=1,
        description="For --pretrained: what each layer's learning rate is multiplied by to give "
        "that of the layer below it.",
    )
    gradual_unfreezing: Annotated[bool, Panel.STARTING_POINT] = Field(
        False,
        description="For --pretrained: train the head alone in the first epoch, and one more layer "
        "below it in each further one, the embedding last.",
    )
    adversarial: Annotated[float, Panel.REGULARIZATION] = Field(
        0.0,
        ge=0,
        description="Train also on texts that are shifted where the loss rises fastest, by this "
        "share of the norm of their embedding; 0 is off. A step takes twice as long.",
    )
    virtual_adversarial: Annotated[float, Panel.REGULARIZATION] = Field(
        0.0,
        ge=0,
        description="For --unlabelled: learn to answer texts alike that are shifted where the "
        "answer changes most, by this share of the norm of their embedding; 0 is off.",
    )
    entropy: Annotated[float, Panel.REGULARIZATION] = Field(
        0.0,
        ge=0,
        description="For --unlabelled: learn to be sure of the answers, with this weight beside "
        "the labelled texts' loss; 0 is off.",
    )
    ngrams: Annotated[float, Panel.REGULARIZATION, Chosen.BY_TABLE] = Field(
        0.0,
        ge=0,
        description="Learn also what TF-IDF and logistic regression think of mixtures of the "
        "texts, with this weight beside the labelled texts' loss; 0 is off. A step takes twice as "
        "long.",
    )
    averaging: Annotated[float, Panel.TRAINING, Chosen.BY_TABLE] = Field(
        0.0,
        ge=0,
        lt=1,
        description="Judge and keep a moving average of the weights, which keeps this share of "
        "itself at each step, such as 0.999; 0 is off.",
    )
